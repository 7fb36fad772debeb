import type { Progress } from "../protocol/requests.ts";

/** What a call is doing, in the words that people see. */
export const PHASE_NAMES: Record<Progress["phase"], string> = {
  download: "Downloading the model",
  convert: "Preparing the model",
  train: "Learning to look up",
  ingest: "Reading",
};
