import { expect, test } from "vitest";
import { AttentionTally } from "../../engine/answer/citations.ts";
import { lookAgain, type Refill } from "../../engine/answer/look-again.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import type { BlockSlots } from "../../engine/memory/block-window.ts";
import type { Asked, Hit } from "../../engine/retrieval/named-blocks.ts";
import { asked, openTinyWorkspace } from "../support/tiny-workspace.ts";

const SIGNAL = new AbortController().signal;

function hit(id: number, tokens: number): Hit {
  const block = { id, path: `${id}.ts`, startLine: 1, endLine: 9, tokens, header: 1, segment: id };
  return { block, score: 1 / id, why: "words", evidence: { coverage: 0, cosine: undefined, defines: false } };
}

function slots(id: number, from: number, to: number): BlockSlots {
  return { block: hit(id, to - from).block, from, to };
}

/** A window of three blocks of 10 tokens, of which the second was attended to; `ranking` is what is found now. */
function turn(ranking: readonly Hit[], stays: readonly number[] = []) {
  const tally = new AttentionTally([slots(1, 2, 12), slots(2, 12, 22), slots(3, 22, 32)], [{ layer: 0, head: 0 }]);
  tally.add(new Map([[0, new Float32Array(40).fill(0.01).fill(0.05, 12, 22)]]), 40);
  const lookedUp: Asked[] = [];
  const refill: Refill = {
    rank: async (wanted) => {
      lookedUp.push(wanted);
      return [...ranking];
    },
    put: async (block, { from }) => ({ block, from, to: from + block.tokens }),
    stays: new Set(stays),
  };
  const inWindow = () => tally.slots.flatMap(({ block, from, to }) => (to > from ? `${block.id} at ${from}` : []));
  return { tally, inWindow, lookedUp, go: () => lookAgain(refill, "What?", "It is so.", tally) };
}

test("what is found takes the place of what the answer attended to least", async () => {
  const { go, inWindow, lookedUp, tally } = turn([hit(7, 8), hit(2, 10)]);
  expect((await go()).map(({ path }) => path)).toEqual(["7.ts"]);
  expect(lookedUp).toEqual([{ question: "It is so.", before: "What?" }]);
  expect(inWindow()).toEqual(["2 at 12", "3 at 22", "7 at 2"]);
  // What the block that left had got stays its own.
  expect(tally.citations().map(({ path }) => path)).toEqual(["2.ts", "1.ts", "3.ts"]);
});

test("nothing is moved for what is there, too large, or worth less than what it would replace", async () => {
  for (const ranking of [[hit(1, 10), hit(2, 10)], [hit(7, 11)], [hit(1, 10), hit(2, 10), hit(7, 8)]]) {
    const { go, inWindow } = turn(ranking);
    expect(await go()).toEqual([]);
    expect(inWindow()).toEqual(["1 at 2", "2 at 12", "3 at 22"]);
  }
});

test("what the user wants and what is found again stays", async () => {
  const { go, inWindow } = turn([hit(7, 8), hit(2, 10), hit(3, 10)], [1]);
  expect(await go()).toEqual([]);
  expect(inWindow()).toEqual(["1 at 2", "2 at 12", "3 at 22"]);
});

/** The values of all layers in slots [from, to). */
function valuesOf(window: AttentionWindow, from: number, to: number): number[][][] {
  const { headDim } = window.shape;
  const values = Object.values(window.feeds()).filter((_, i) => i % 2 === 1);
  return values.map(({ data }) => {
    const head = data.length / window.shape.kvHeads;
    return Array.from({ length: window.shape.kvHeads }, (_, i) =>
      Array.from(data.slice(i * head + from * headDim, i * head + to * headDim), Number),
    );
  });
}

test("a block that enters stands in its slots as if it had been placed there; what is left over is closed", async () => {
  const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
  const lines = (word: string) => Array.from({ length: 40 }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
  const files = Object.fromEntries(words.map((word) => [`${word}.js`, lines(word)]));
  const { filler, lookUp } = await openTinyWorkspace(files);
  const { window, slots: placed, again } = await filler.fill(asked("What is gamma?"), {}, SIGNAL);
  const ids = new Set(placed.map(({ block }) => block.id));
  const victim = placed[0];
  const other = lookUp
    .blocks()
    .filter(({ id, tokens }) => victim && !ids.has(id) && tokens < victim.block.tokens)
    .toSorted((a, b) => a.tokens - b.tokens)[0];
  if (!victim || !again || !other) throw new Error("the look-up left nothing to exchange");
  const own = await again.put(other, victim);
  if (!own) throw new Error("the block did not enter");
  expect(own.to - own.from).toBe(other.tokens);
  expect(own.from).toBeGreaterThanOrEqual(victim.from);
  expect(window.open()).toEqual([
    { from: 0, to: own.to },
    { from: victim.to, to: window.length },
  ]);
  // Values do not depend on positions: the same block alone in a window has the same.
  const alone = filler.place([other]);
  const [first] = alone.slots;
  if (!first) throw new Error("the block was not placed");
  expect(valuesOf(window, own.from, own.to)).toEqual(valuesOf(alone.window, first.from, first.to));
});
