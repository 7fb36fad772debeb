/**
 * Ingests a folder into a store and tells each step on standard output, to be killed meanwhile:
 * `node ingest-child.ts FOLDER STORE [MODULE]`, where MODULE exports `createEncoder(): Promise<SegmentEncoder>`; the stand-in by default.
 */
import { pathToFileURL } from "node:url";

import type { SegmentEncoder } from "../../engine/blocks/block.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import { Store } from "../../engine/store/store.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";

const [folder = "", storeFile = "", encoderModule = ""] = process.argv.slice(2);

async function createEncoder(): Promise<SegmentEncoder> {
  // Blocks of 200 KB, so that writing them takes a while.
  const shape = { layers: 4, kvHeads: 3, headDim: 64 };
  if (encoderModule === "") return new StandInEncoder({ maxSegmentTokens: 384, batchTokens: 1_024, shape });
  const module: { createEncoder: () => Promise<SegmentEncoder> } = await import(pathToFileURL(encoderModule).href);
  return module.createEncoder();
}

const store = new Store(storeFile, (line) => process.stderr.write(`${line}\n`));
const ingestor = new Ingestor({ folder, store, encoder: await createEncoder() });
const signal = new AbortController().signal;
await ingestor.ingest({ signal, onProgress: ({ done }) => process.stdout.write(`stored ${done}\n`) });
store.close();
process.stdout.write("complete\n");
