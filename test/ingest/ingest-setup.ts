import { utimesSync } from "node:fs";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { IngestorOptions } from "../../engine/ingest/ingestor.ts";
import type { IngestResult, Progress } from "../../engine/protocol/requests.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import type { StandInOptions } from "../support/stand-in-encoder.ts";
import { storeContents } from "./store-contents.ts";

/** A folder and everything that ingests it. */
interface Setup {
  folder: string;
  store: Store;
  encoder: StandInEncoder;
  ingestor: Ingestor;
  log: string[];
}

/** A folder with old files, an open store and an ingestor with the stand-in; all closed after the test. */
export function setUp(
  files: Record<string, string | Uint8Array>,
  options: StandInOptions & Partial<IngestorOptions> = {},
): Setup {
  const folder = temporaryFolder(files);
  for (const path of Object.keys(files)) age(folder, path);
  const log: string[] = [];
  const store = new Store(join(temporaryFolder(), "store.sqlite"), (line) => log.push(line));
  const encoder = new StandInEncoder(options);
  const ingestor = new Ingestor({ folder, store, encoder, log: (line) => log.push(line), ...options });
  onTestFinished(async () => {
    await ingestor.close();
    store.close();
  });
  return { folder, store, encoder, ingestor, log };
}

/** Makes a file's time old enough to vouch for its content. */
export function age(folder: string, path: string, seconds = 1_700_000_000): void {
  utimesSync(join(folder, path), seconds, seconds);
}

/** Ingests to the end. */
export function ingest(
  ingestor: Ingestor,
  onProgress: (progress: Progress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<IngestResult> {
  return ingestor.ingest({ signal: signal ?? new AbortController().signal, onProgress });
}

/** What an ingestor with nothing behind it makes of the same folder. */
export async function fromScratch(folder: string, options: StandInOptions = {}): Promise<string[]> {
  const store = new Store(join(temporaryFolder(), "store.sqlite"), () => undefined);
  await ingest(new Ingestor({ folder, store, encoder: new StandInEncoder(options) }));
  const contents = storeContents(store);
  store.close();
  return contents;
}

/** Text of `count` lines that say whose they are. */
export const lines = (name: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `${name} line ${i}\n`).join("");
