import { expect, test } from "vitest";
import { encodeIndexEntry, HeadIndex } from "../../engine/retrieval/head-index.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const WIDTH = 16;

function vectors(count: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count * WIDTH }, () => random() * 2 - 1);
}

function dot(a: Float32Array, i: number, b: Float32Array, j: number): number {
  let sum = 0;
  for (let k = 0; k < WIDTH; k++) sum += (a[i * WIDTH + k] ?? 0) * (b[j * WIDTH + k] ?? 0);
  return sum;
}

function bestMatch(keys: Float32Array, queries: Float32Array, query: number): number {
  return Math.max(...Array.from({ length: keys.length / WIDTH }, (_, key) => dot(keys, key, queries, query)));
}

/** The score by its definition, in full precision. */
function slowScores(blocks: Float32Array[], generic: Float32Array, queries: Float32Array): number[] {
  const count = (vector: Float32Array) => vector.length / WIDTH;
  const mean = (numbers: number[]) => numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const baselines = blocks.map((keys) =>
    mean(Array.from({ length: count(generic) }, (_, g) => bestMatch(keys, generic, g))),
  );
  const scores = blocks.map(() => 0);
  for (let query = 0; query < count(queries); query++) {
    const excess = blocks.map((keys, i) => bestMatch(keys, queries, query) - (baselines[i] ?? 0));
    const average = mean(excess);
    excess.forEach((value, i) => (scores[i] = (scores[i] ?? 0) + Math.max(0, value - average) ** 2));
  }
  return scores;
}

test("scores are those of the definition, to the rounding of int8", async () => {
  const random = seededRandom(11);
  const blocks = Array.from({ length: 300 }, () => vectors(1 + randomInteger(random, 128), random));
  const [generic, queries] = [vectors(6, random), vectors(9, random)];
  const index = await HeadIndex.open(WIDTH, 1);
  index.update(
    () => true,
    blocks.map((keys, id) => [id, encodeIndexEntry(keys, generic, WIDTH)]),
  );
  const scores = await index.score(queries);
  const expected = slowScores(blocks, generic, queries);
  const largest = Math.max(...expected);
  for (const [id, value] of expected.entries())
    expect(Math.abs((scores.get(id) ?? NaN) - value)).toBeLessThan(0.05 * largest);
  await index.close();
});

test("an entry that is damaged or of another width is left out", async () => {
  const random = seededRandom(12);
  const sound = encodeIndexEntry(vectors(4, random), vectors(2, random), WIDTH);
  const index = await HeadIndex.open(WIDTH, 1);
  index.update(
    () => true,
    [
      [1, sound],
      [2, sound.subarray(0, sound.length - 3)],
      [3, new Uint8Array(0)],
    ],
  );
  expect([...(await index.score(vectors(3, random))).keys()]).toEqual([1]);
  await index.close();
});

test("blocks that come and go leave what an index of the rest has", async () => {
  const random = seededRandom(13);
  const generic = vectors(3, random);
  const entries = Array.from({ length: 12 }, (_, id): [number, Uint8Array] => [
    id,
    encodeIndexEntry(vectors(1 + randomInteger(random, 40), random), generic, WIDTH),
  ]);
  const live = (id: number) => id % 3 !== 0;
  const changed = await HeadIndex.open(WIDTH, 1);
  changed.update(() => true, entries.slice(0, 8));
  changed.update(
    live,
    entries.slice(8).filter(([id]) => live(id)),
  );
  const fresh = await HeadIndex.open(WIDTH, 1);
  fresh.update(
    () => true,
    entries.filter(([id]) => live(id)),
  );
  const queries = vectors(5, random);
  expect([...changed.blocks]).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
  expect(await changed.score(queries)).toEqual(await fresh.score(queries));
  await changed.close();
  await fresh.close();
});
