import { expect, test } from "vitest";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex, withoutLightest } from "../../engine/retrieval/token-index.ts";
import { seededRandom } from "../support/random.ts";
import { LAYERS, randomEntry, randomQuestion } from "../support/token-index.ts";

test("an entry that is damaged or of another shape is left out; one that is there already stays as it is", () => {
  const random = seededRandom(6);
  const index = new TokenIndex(LAYERS);
  const sound = randomEntry(random);
  index.add(1, sound);
  index.add(2, sound.subarray(0, sound.length - 1));
  index.add(3, new Uint8Array(0));
  const tooLong = new Int8Array(129 * PROJECTED);
  index.add(4, packEntry([tooLong, tooLong]));
  index.add(1, randomEntry(random));
  expect([...index.blocks]).toEqual([1]);
  expect(index.entry(1)).toBe(sound);
});

test("the version tells whether anything has changed", () => {
  const random = seededRandom(9);
  const index = new TokenIndex(LAYERS);
  const versions = [index.version];
  index.add(1, randomEntry(random));
  versions.push(index.version);
  index.add(1, randomEntry(random));
  index.remove(2);
  expect(index.version).toBe(versions[1]);
  index.remove(1);
  versions.push(index.version);
  expect(new Set(versions).size).toBe(3);
});

test("tokens of a question that weigh next to nothing are left out, and the others keep their proportions", () => {
  const { queries } = randomQuestion(5, seededRandom(8));
  const kept = withoutLightest({ queries, weights: Float32Array.of(0.01, 0.6, 0.01, 0.38, 0) });
  expect(kept.weights.length).toBe(2);
  expect([...kept.weights].map((weight) => weight.toFixed(4))).toEqual(["0.6122", "0.3878"]);
  const row = (token: number) => queries.subarray(token * PROJECTED, (token + 1) * PROJECTED);
  expect(kept.queries).toEqual(Float32Array.of(...row(1), ...row(3)));
  const even = { queries, weights: new Float32Array(5).fill(0.2) };
  expect(withoutLightest(even).weights.length).toBe(5);
});
