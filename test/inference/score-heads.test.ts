import { expect, onTestFinished, test } from "vitest";
import { chooseHeads } from "../../engine/inference/find-heads.ts";
import { HeadMatches } from "../../engine/inference/head-matches.ts";
import { type LayerStates, scoreHeads, type StateRunner } from "../../engine/inference/score-heads.ts";
import { seededRandom } from "../support/random.ts";

const SHAPE = { layers: 2, heads: 4, kvHeads: 2, headDim: 24 };
const PLANTED = { layer: 1, head: 3 };

function vectors(count: number, random: () => number, width = SHAPE.headDim): Float32Array {
  return Float32Array.from({ length: count * width }, () => random() * 2 - 1);
}

/** A model whose heads see noise, but for one: it asks for the token that stands there, and its keys say which one that is. */
class PlantedModel implements StateRunner {
  readonly shape = SHAPE;
  readonly room: number;
  runs = 0;
  readonly #ids = new Map<string, number>();
  readonly #random = seededRandom(3);

  constructor(room: number) {
    this.room = room;
  }

  encode = (text: string): Int32Array =>
    Int32Array.from(text.match(/[A-Z]?[a-z]+|[A-Z]+|\d+|[^\w\s]/g) ?? [], (word) => {
      const id = this.#ids.get(word.toLowerCase()) ?? this.#ids.size;
      this.#ids.set(word.toLowerCase(), id);
      return id;
    });

  run(tokens: Int32Array): Promise<LayerStates> {
    this.runs++;
    if (tokens.length > this.room) throw new RangeError(`${tokens.length} tokens, with room for ${this.room}`);
    const { layers, heads, kvHeads, headDim } = SHAPE;
    const states = {
      keys: Array.from({ length: layers }, () => vectors(tokens.length * kvHeads, this.#random)),
      queries: Array.from({ length: layers }, () => vectors(tokens.length * heads, this.#random)),
    };
    tokens.forEach((token, row) => {
      const own = vectors(1, seededRandom(token + 1));
      const kvHead = Math.floor((PLANTED.head * kvHeads) / heads);
      states.keys[PLANTED.layer]?.set(own, (row * kvHeads + kvHead) * headDim);
      states.queries[PLANTED.layer]?.set(own, (row * heads + PLANTED.head) * headDim);
    });
    return Promise.resolve(states);
  }
}

test.each([1, 2])("the one head that asks for what stands there is found, with seed %i", async (seed) => {
  let files = 0;
  const scored = await scoreHeads(new PlantedModel(512), seed, 1, () => files++);
  expect(files).toBe(16);
  expect(scored).toHaveLength(SHAPE.layers * SHAPE.heads);
  expect(scored[0]).toMatchObject(PLANTED);
  expect(scored[0]?.reciprocalRank).toBeGreaterThan(0.5);
  expect(scored[1]?.reciprocalRank).toBeLessThan(0.25);
  expect(chooseHeads(scored)).toEqual({ lookup: PLANTED, retrieval: [PLANTED] });
});

test("a model with little room is asked block by block, one without room not at all", async () => {
  const [wide, narrow, none] = [new PlantedModel(512), new PlantedModel(100), new PlantedModel(40)];
  await scoreHeads(wide, 1, 1);
  const scored = await scoreHeads(narrow, 1, 1);
  expect(scored[0]).toMatchObject(PLANTED);
  expect(narrow.runs).toBeGreaterThan(wide.runs);
  expect(await scoreHeads(none, 1, 1)).toEqual([]);
  expect(none.runs).toBe(0);
});

test("ranks are those of the definition, for every head", async () => {
  const random = seededRandom(8);
  const { layers, heads, kvHeads, headDim } = SHAPE;
  const lengths = [5, 3, 4];
  const queries = lengths.map((count) =>
    Array.from({ length: layers }, () => vectors(count * heads, random).map((x) => x + 0.1)),
  );
  const blocks = Array.from({ length: 12 }, (_, i) =>
    Array.from({ length: layers }, () => vectors((3 + i) * kvHeads, random)),
  );
  const matches = await HeadMatches.open(SHAPE, 12, 1);
  onTestFinished(() => matches.close());
  for (const layersOfQuestion of queries) matches.ask(layersOfQuestion);
  for (const keys of blocks) await matches.add(keys);
  const asked = [
    { from: 0, to: 5, block: 4 },
    { from: 5, to: 8, block: 11 },
  ];
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const best = (keys: Float32Array[], question: number): number[] =>
        rowsOf(queries[question]?.[layer], heads, head).map((query) =>
          Math.max(...rowsOf(keys[layer], kvHeads, kvHead).map((key) => dot(key, query) / Math.sqrt(headDim))),
        );
      const baselines = blocks.map((keys) => average(best(keys, 2)));
      const expected = asked.map(({ block }, question) => {
        const excess = blocks.map((keys, i) => best(keys, question).map((value) => value - (baselines[i] ?? 0)));
        const means = (excess[0] ?? []).map((_, token) => average(excess.map((row) => row[token] ?? 0)));
        const scores = excess.map((row) => row.reduce((sum, x, t) => sum + Math.max(0, x - (means[t] ?? 0)) ** 2, 0));
        const own = scores[block] ?? 0;
        const ties = scores.filter((score) => score === own).length - 1;
        return 1 + scores.filter((score) => score > own).length + ties / 2;
      });
      expect(matches.ranks(layer, head, asked, 8)).toEqual(expected);
    }
  }
});

function rowsOf(values: Float32Array | undefined, heads: number, head: number): Float32Array[] {
  const { headDim } = SHAPE;
  const rows = (values?.length ?? 0) / (heads * headDim);
  return Array.from({ length: rows }, (_, row) => {
    const from = (row * heads + head) * headDim;
    return (values ?? new Float32Array(0)).slice(from, from + headDim);
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Scores as a search gives them: each [layer, head, mean reciprocal rank], and a hundred heads at chance. */
function ranking(...best: [layer: number, head: number, reciprocalRank: number][]) {
  const rest = Array.from({ length: 100 }, (_, head) => ({ layer: 9, head, reciprocalRank: 0.08 }));
  return [...best.map(([layer, head, reciprocalRank]) => ({ layer, head, reciprocalRank })), ...rest];
}

test("heads that are near the best are kept, those near the common one are not", () => {
  const chosen = chooseHeads(ranking([4, 1, 0.8], [5, 0, 0.6], [4, 2, 0.3]));
  expect(chosen).toEqual({
    lookup: { layer: 4, head: 1 },
    retrieval: [
      { layer: 4, head: 1 },
      { layer: 5, head: 0 },
    ],
  });
});

test("at most six heads in three layers are kept", () => {
  const layers = [1, 2, 3, 4, 1, 2, 3, 1, 2];
  const chosen = chooseHeads(ranking(...layers.map((layer, i): [number, number, number] => [layer, i, 0.9 - i / 100])));
  expect(chosen?.retrieval.map(({ head }) => head)).toEqual([0, 1, 2, 4, 5, 6]);
});

test("where no head is better than chance, none is chosen", () => {
  expect(chooseHeads(ranking([3, 1, 0.15]))).toBeUndefined();
  expect(chooseHeads(ranking([3, 1, NaN]))).toBeUndefined();
  expect(chooseHeads([])).toBeUndefined();
});
