import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { testDataDir } from "./model.ts";

/** Makes a folder a data folder: converted models are shared between tests, since a conversion takes half a minute. */
export function shareModels(folder: string): string {
  const models = join(testDataDir(), "models");
  mkdirSync(models, { recursive: true });
  symlinkSync(models, join(folder, "models"), "junction");
  return folder;
}

/** A data folder of its own for one test, with empty stores, deleted after it. */
export function temporaryDataDir(): string {
  return shareModels(temporaryFolder());
}
