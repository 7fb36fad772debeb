import { expect, onTestFinished, test } from "vitest";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex, withoutLightest } from "../../engine/retrieval/token-index.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const LAYERS = 2;

function codes(tokens: number, random: () => number): Int8Array {
  return Int8Array.from({ length: tokens * PROJECTED }, () => randomInteger(random, 15) - 7);
}

function block(random: () => number): Int8Array[] {
  const tokens = 1 + randomInteger(random, 128);
  return Array.from({ length: LAYERS }, () => codes(tokens, random));
}

function question(tokens: number, random: () => number) {
  const queries = Float32Array.from({ length: tokens * PROJECTED }, () => random() * 2 - 1);
  const shares = Array.from({ length: tokens }, () => random());
  const sum = shares.reduce((total, share) => total + share, 0);
  return { queries, weights: Float32Array.from(shares, (share) => share / sum) };
}

/** The score by its definition. */
function slowScore(stored: Int8Array, { queries, weights }: ReturnType<typeof question>): number {
  let score = 0;
  for (const [query, weight] of weights.entries()) {
    let best = -Infinity;
    for (let token = 0; token < stored.length; token += PROJECTED) {
      let dot = 0;
      for (let i = 0; i < PROJECTED; i++) dot += (stored[token + i] ?? 0) * (queries[query * PROJECTED + i] ?? 0);
      best = Math.max(best, dot);
    }
    score += weight * best;
  }
  return score;
}

async function openIndex(): Promise<TokenIndex> {
  const index = await TokenIndex.open(LAYERS, 1);
  onTestFinished(() => index.close());
  return index;
}

test("scores are those of the definition, to the rounding of the question, whatever came and went before", async () => {
  const random = seededRandom(3);
  const index = await openIndex();
  const live = new Map<number, Int8Array[]>();
  for (let id = 0; id < 400; id++) {
    const stored = block(random);
    live.set(id, stored);
    index.add(id, packEntry(stored));
    // Most go again, so that the room of those that are gone is won back several times.
    const gone = randomInteger(random, id + 1);
    if (id % 4 > 0 && live.delete(gone)) index.remove(gone);
  }
  const asked = Array.from({ length: LAYERS }, () => question(9, random));
  const scores = await index.score(asked);
  for (const [layer, ofLayer] of scores.entries()) {
    expect([...ofLayer.keys()].toSorted((a, b) => a - b)).toEqual([...live.keys()].toSorted((a, b) => a - b));
    for (const [id, score] of ofLayer) {
      const [stored, query] = [live.get(id)?.[layer], asked[layer]];
      if (!stored || !query) throw new Error("a block was scored that is not there");
      const expected = slowScore(stored, query);
      expect(Math.abs(score - expected)).toBeLessThan(0.02 * Math.abs(expected));
    }
  }
});

test("a block that comes while another question is scored does not disturb it", async () => {
  const random = seededRandom(5);
  const index = await openIndex();
  for (let id = 0; id < 50; id++) index.add(id, packEntry(block(random)));
  const asked = Array.from({ length: LAYERS }, () => question(4, random));
  const before = await index.score(asked);
  const during = index.score(asked);
  for (let id = 50; id < 300; id++) index.add(id, packEntry(block(random)));
  for (let id = 0; id < 40; id++) index.remove(id);
  expect(await during).toEqual(before);
});

test("an entry that is damaged or of another shape is left out; one that is there already stays as it is", async () => {
  const random = seededRandom(6);
  const index = await openIndex();
  const sound = packEntry(block(random));
  index.add(1, sound);
  index.add(2, sound.subarray(0, sound.length - 1));
  index.add(3, new Uint8Array(0));
  index.add(1, packEntry(block(random)));
  expect([...index.blocks]).toEqual([1]);
});

test("of a pasted text, the tokens that weigh most are compared", async () => {
  const random = seededRandom(7);
  const index = await openIndex();
  const stored = block(random);
  index.add(1, packEntry(stored));
  const long = question(300, random);
  const heavy = { ...long, weights: long.weights.map((_, i) => (i % 30 === 7 ? 0.1 : 0)) };
  const [scores] = await index.score([heavy, heavy]);
  const expected = slowScore(stored[0] ?? new Int8Array(0), heavy);
  expect(Math.abs((scores?.get(1) ?? NaN) - expected)).toBeLessThan(0.02 * Math.abs(expected));
});

test("tokens of a question that weigh next to nothing are left out, and the others keep their proportions", () => {
  const { queries } = question(5, seededRandom(8));
  const kept = withoutLightest({ queries, weights: Float32Array.of(0.01, 0.6, 0.01, 0.38, 0) });
  expect(kept.weights.length).toBe(2);
  expect([...kept.weights].map((weight) => weight.toFixed(4))).toEqual(["0.6122", "0.3878"]);
  const row = (token: number) => queries.subarray(token * PROJECTED, (token + 1) * PROJECTED);
  expect(kept.queries).toEqual(Float32Array.of(...row(1), ...row(3)));
  const even = { queries, weights: new Float32Array(5).fill(0.2) };
  expect(withoutLightest(even).weights.length).toBe(5);
});
