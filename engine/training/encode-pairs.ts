/** Runs pairs through the model, as ingestion and look-up do, and keeps the hidden states of the projected layers. */
import { createHash } from "node:crypto";

import type { SegmentInput } from "../blocks/block.ts";
import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { blockRows, runQuestion } from "../inference/model-lookup.ts";
import { EncodedPairs, type LayerStandards } from "./encoded-pairs.ts";
import { type PairLayout, type PairUnit } from "./pair-layout.ts";
import { StandardSums, standardise } from "./standards.ts";

/** The model that is trained for. */
export interface PairModel {
  model: LanguageModel;
  encoder: BlockEncoder;
}

export interface EncodeOptions {
  signal: AbortSignal;
  /** Told after each unit: rows done and in all. */
  onRows?: (done: number, all: number) => void;
}

/** Units whose states the standardisation is computed from: some ten thousand tokens. */
const STANDARD_UNITS = 40;
/** Units between two commits: a quarter of a minute's work at most is lost. */
const COMMIT_EVERY = 16;

/**
 * Encodes all of a layout into `folder`, or what an earlier call left to do.
 * @throws the signal's reason when it is aborted; what is committed stays
 */
export async function encodePairs(
  pair: PairModel,
  layout: PairLayout,
  folder: string,
  { signal, onRows }: EncodeOptions,
): Promise<EncodedPairs> {
  const key = keyOf(pair, layout);
  const encoded =
    EncodedPairs.resume(folder, key) ?? EncodedPairs.start(folder, key, await measure(pair, layout, signal));
  try {
    for (let at = encoded.units; at < layout.units.length; at++) {
      signal.throwIfAborted();
      const unit = layout.units[at];
      if (unit !== undefined) await encodeUnit(pair, layout, unit, encoded);
      if ((at + 1) % COMMIT_EVERY === 0 || at + 1 === layout.units.length) encoded.commit(at + 1);
      onRows?.(layout.units[at + 1]?.from ?? layout.rows, layout.rows);
    }
    return encoded;
  } catch (error) {
    encoded.close();
    throw error;
  }
}

function keyOf({ encoder, model }: PairModel, layout: PairLayout): string {
  const hash = createHash("sha256").update(`${encoder.key} ${model.projected.join()}`);
  for (const { segment } of layout.units) for (const { tokens } of segment.segment.blocks) hash.update(tokens);
  for (const tokens of layout.questionTokens) hash.update(tokens);
  return hash.digest("hex");
}

async function encodeUnit(pair: PairModel, layout: PairLayout, unit: PairUnit, encoded: EncodedPairs): Promise<void> {
  await eachState(pair, layout, unit, (side, layer, row, states) => {
    const standard = encoded.standards.get(layer)?.[side];
    if (standard !== undefined) encoded.write(layer, row, standardise(states, standard));
  });
}

/** Mean and deviation over some of the units, spread over all. */
async function measure(pair: PairModel, layout: PairLayout, signal: AbortSignal): Promise<Map<number, LayerStandards>> {
  const { hidden } = pair.model.config;
  const sums = new Map(
    pair.model.projected.map((layer) => [
      layer,
      { question: new StandardSums(hidden), block: new StandardSums(hidden) },
    ]),
  );
  const every = Math.max(1, Math.floor(layout.units.length / STANDARD_UNITS));
  for (const unit of layout.units.filter((_, i) => i % every === 0)) {
    signal.throwIfAborted();
    await eachState(pair, layout, unit, (side, layer, _, states) => sums.get(layer)?.[side].add(states));
  }
  return new Map(
    [...sums].map(([layer, { question, block }]) => [
      layer,
      { question: question.standard(), block: block.standard() },
    ]),
  );
}

type OnStates = (side: "question" | "block", layer: number, row: number, states: Float32Array) => void;

/** Runs one unit; `onStates` gets each layer's states of its blocks, as one piece, and of each question. */
async function eachState({ model, encoder }: PairModel, layout: PairLayout, unit: PairUnit, onStates: OnStates) {
  const { segment, path } = unit.segment;
  const input: SegmentInput = { header: encoder.header(path), segment };
  const { hidden } = model.config;
  const tokens = Int32Array.from([...input.header, ...segment.blocks.flatMap((block) => [...block.tokens])]);
  const { residuals } = await runQuestion(model, encoder.prefix, tokens, { residuals: true });
  const first = blockRows(input)[0]?.from ?? 0;
  for (const [layer, states] of residuals) onStates("block", layer, unit.from, states.subarray(first * hidden));
  for (const question of unit.questions) {
    const asked = layout.questionTokens[question] ?? new Int32Array(0);
    if (asked.length === 0) continue;
    const run = await runQuestion(model, encoder.prefix, asked, { residuals: true });
    for (const [layer, states] of run.residuals)
      onStates("question", layer, layout.questions[question]?.from ?? 0, states);
  }
}
