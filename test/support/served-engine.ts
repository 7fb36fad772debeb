import type { Channel } from "../../engine/protocol/channel.ts";
import type { EngineApi, IngestResult, StatusResult } from "../../engine/protocol/requests.ts";
import type { ProgressEvent } from "../../engine/protocol/rpc.ts";
import { serveEngine } from "../../engine/server.ts";
import { EngineClient } from "../../extension/engine-client.ts";

/** What an ingestion that found nothing to do says. */
export const INGESTED: IngestResult = {
  files: 1,
  segments: 1,
  blocks: 1,
  tokens: 1,
  encodedTokens: 0,
  skipped: [],
  seconds: 0,
};

/** The extension's client of an engine that does only what `parts` say, over RPC in this process. */
export async function servedEngine(
  parts: Partial<EngineApi>,
  onProgress: (event: ProgressEvent) => void = () => {},
): Promise<EngineClient> {
  const [ours, theirs] = channelPair();
  serveEngine(theirs, { open: async () => ({ ...idle, ...parts }), defaultDataDir: "", onClosed: () => {} });
  const client = new EngineClient(ours, onProgress, (error) => {
    throw error;
  });
  await client.open({});
  return client;
}

function channelPair(): [Channel, Channel] {
  const listeners: ((message: unknown) => void)[][] = [[], []];
  const end = (own: number): Channel => ({
    send: (message) => queueMicrotask(() => listeners[1 - own]?.forEach((listener) => listener(message))),
    onMessage: (listener) => void listeners[own]?.push(listener),
  });
  return [end(0), end(1)];
}

/** What an engine says of a folder that is in memory. */
export function statusOf(folder: string): StatusResult {
  const counts = { files: 1, blocks: 1, tokens: 1, bytes: 1 };
  return { folder, state: "ready", ...counts, storesBytes: 1, budgetBytes: 2, model: undefined, device: "CPU" };
}

function unasked(): never {
  throw new Error("This test asks for nothing of the kind.");
}

const idle: EngineApi = {
  ingest: async () => INGESTED,
  status: async (folder) => statusOf(folder),
  files: async () => [],
  fileText: async () => undefined,
  changed: async () => {},
  pause: async () => {},
  resume: async () => {},
  close: async () => {},
  ask: unasked,
  recall: unasked,
  generate: unasked,
  countTokens: unasked,
  forget: unasked,
  models: unasked,
  train: unasked,
};
