/** The same training for a tiny random checkpoint of another architecture: that it runs, and learns what can be learnt there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BlockEncoder } from "../../engine/inference/block-encoder.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { recallAt } from "../../engine/training/held-out-recall.ts";
import { sourcesOf } from "../../engine/training/sources.ts";
import { trainProjections } from "../../engine/training/train-projections.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { packFloatModel } from "../support/float-model.ts";
import { headsRun, type HeadsResult } from "./calibrate-heads.ts";

export interface FixtureResult {
  architecture: string;
  pairs: number;
  seconds: number;
  heldOutRecall: { at8: number; questions: number };
  /** At 8, of blocks in random order. */
  chance: number;
  /** Its weights are random: none are found. */
  retrievalHeads: HeadsResult;
}

const ARCHITECTURE = "qwen2";
/** This project's own engine is the corpus. */
const SOURCES = fileURLToPath(new URL("../../engine", import.meta.url));

/** Trains on the sources of this engine itself. */
export async function fixtureRun(threads: number, tell: (text: string) => void): Promise<FixtureResult> {
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-calibrate-"));
  const started = performance.now();
  const source = await openModel(goldenPath(ARCHITECTURE));
  const model = await LanguageModel.open(await packFloatModel(source, folder, 1024), threads);
  try {
    await source.close();
    const encoder = await BlockEncoder.create(model, new PromptWriter(model.tokenizer, model.tokenizerFiles));
    const options = { seed: 1, maxTokens: 120_000, epochs: 3, workFolder: join(folder, "work"), threads, log: tell };
    const context = { signal: new AbortController().signal, onProgress: () => undefined };
    const files = sourcesOf({ name: "engine", folder: SOURCES });
    const { pairs, heldOut, release } = await trainProjections({ model, encoder }, files, options, context);
    release();
    const { together, blocks } = heldOut;
    return {
      architecture: ARCHITECTURE,
      pairs,
      seconds: (performance.now() - started) / 1000,
      heldOutRecall: { at8: recallAt(together, 8), questions: together.length },
      chance: Math.min(1, 8 / blocks),
      retrievalHeads: await headsRun(model, threads, tell),
    };
  } finally {
    await model.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
