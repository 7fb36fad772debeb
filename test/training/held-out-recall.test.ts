import { onTestFinished, expect, test } from "vitest";

import { CLIP, type LayerProjection, PROJECTED } from "../../engine/retrieval/projections.ts";
import { EncodedPairs } from "../../engine/training/encoded-pairs.ts";
import { heldOutRecall } from "../../engine/training/held-out-recall.ts";
import { layOut } from "../../engine/training/pair-layout.ts";
import type { PairSet } from "../../engine/training/pair-set.ts";
import { STEP } from "../../engine/training/standards.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const HIDDEN = 6;
const LAYER = 3;
const random = seededRandom(11);
const numbers = (count: number) => Float32Array.from({ length: count }, () => random() - 0.5);

/** Seven blocks of a few tokens in three segments; the last segment is learnt from and must not be looked at. */
function pairSet(): PairSet {
  const block = (tokens: number) => ({ text: "", tokens: new Int32Array(tokens), startLine: 1, endLine: 1 });
  const segment = (heldOut: boolean, firstBlock: number, ...sizes: number[]) => ({
    project: heldOut ? "a" : "b",
    path: "x.ts",
    heldOut,
    segment: { blocks: sizes.map(block) },
    firstBlock,
  });
  const pair = (question: string, heldOut: boolean, ...positives: number[]) => ({
    question,
    kind: "description" as const,
    name: "x",
    project: "a",
    heldOut,
    positives,
  });
  return {
    segments: [segment(true, 0, 4, 2, 5), segment(true, 3, 3, 6), segment(false, 5, 4, 4)],
    pairs: [pair("abc", true, 1), pair("defgh", true, 3, 4), pair("ij", false, 5), pair("klmn", true, 0)],
    blocks: 7,
    tokens: 40,
  };
}

function encodedStates(rows: number) {
  const side = () => ({ mean: numbers(HIDDEN), inverseDeviation: numbers(HIDDEN).map((value) => 1 + value) });
  const standards = new Map([[LAYER, { question: side(), block: side() }]]);
  const encoded = EncodedPairs.start(temporaryFolder(), "key", standards);
  onTestFinished(() => encoded.close());
  const states = Int8Array.from({ length: rows * HIDDEN }, () => randomInteger(random, 255) - 127);
  encoded.write(LAYER, 0, states);
  return { encoded, states, standards };
}

/** Plain late interaction over codes, straight from its definition. */
function plainScore(projection: LayerProjection, states: { question: number[][]; block: number[][] }): number {
  const project = (state: number[], weight: Float32Array) => {
    const raw = Array.from({ length: PROJECTED }, (_, column) =>
      state.reduce((sum, value, row) => sum + value * (weight[row * PROJECTED + column] ?? 0), 0),
    );
    const length = Math.hypot(...raw);
    return raw.map((value) => value / length);
  };
  const code = (value: number, step: number) => step * Math.max(-7, Math.min(7, Math.round(value / step)));
  const keys = states.block.map((state) =>
    project(state, projection.block.weight).map((value, i) => code(value, projection.steps[i] ?? 1)),
  );
  const powers = states.question.map((state) =>
    Math.exp(state.reduce((sum, value, row) => sum + value * (projection.tokenWeight[row] ?? 0), 0)),
  );
  const all = powers.reduce((sum, power) => sum + power, 0);
  return states.question.reduce((sum, state, token) => {
    const query = project(state, projection.question.weight);
    const products = keys.map((key) => key.reduce((dot, value, i) => dot + value * (query[i] ?? 0), 0));
    return sum + ((powers[token] ?? 0) / all) * Math.max(...products);
  }, 0);
}

test("ranks are those of plain late interaction over the held-out blocks, also under another standardisation", async () => {
  const set = pairSet();
  const layout = layOut(set, (text) => new Int32Array(text.length));
  const { encoded, states, standards } = encodedStates(layout.rows);
  const kept = standards.get(LAYER);
  if (kept === undefined) throw new Error("nothing was encoded");
  const own = { mean: numbers(HIDDEN), inverseDeviation: numbers(HIDDEN).map((value) => 1 + value) };
  const projection: LayerProjection = {
    layer: LAYER,
    question: { ...own, weight: numbers(HIDDEN * PROJECTED) },
    block: { ...kept.block, weight: numbers(HIDDEN * PROJECTED) },
    tokenWeight: numbers(HIDDEN),
    steps: new Float32Array(PROJECTED).fill(0.04),
  };
  const rowsOf = (side: "question" | "block", range: { from: number; to: number } | undefined) =>
    Array.from({ length: (range?.to ?? 0) - (range?.from ?? 0) }, (_, row) =>
      Array.from({ length: HIDDEN }, (_value, i) => {
        const code = (states[((range?.from ?? 0) + row) * HIDDEN + i] ?? 0) * STEP;
        const raw = code / (kept[side].inverseDeviation[i] ?? 1) + (kept[side].mean[i] ?? 0);
        const value = (raw - (projection[side].mean[i] ?? 0)) * (projection[side].inverseDeviation[i] ?? 1);
        return Math.round(Math.max(-CLIP, Math.min(CLIP, value)) / STEP) * STEP;
      }),
    );
  const held = [0, 1, 3];
  const expected = held.map((pair) => {
    const question = rowsOf("question", layout.questions[pair]);
    const scores = [0, 1, 2, 3, 4].map((block) =>
      plainScore(projection, { question, block: rowsOf("block", layout.blocks[block]) }),
    );
    const right = set.pairs[pair]?.positives ?? [];
    const best = Math.max(...right.map((block) => scores[block] ?? -1));
    return scores.filter((score, block) => !right.includes(block) && score >= best).length;
  });
  const result = await heldOutRecall({ set, layout, encoded }, [projection], 1, new AbortController().signal);
  expect(result.blocks).toBe(5);
  expect(result.ranks.get(LAYER)).toEqual(expected);
  expect(result.together).toEqual(expected);
  expect(new Set(expected).size).toBeGreaterThan(1); // equal ranks would show nothing
});
