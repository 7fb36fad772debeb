import { expect, onTestFinished, test } from "vitest";
import { emitSearch } from "../../engine/graph/bank-graph.ts";
import { OnnxGraph } from "../../engine/graph/onnx-writer.ts";
import { MemoryBank } from "../../engine/memory/memory-bank.ts";
import { floatTensor, Session } from "../../engine/runtime/session.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const SHAPE = { heads: 4, kvHeads: 2, headDim: 8 };
const LAYOUT = { chunk: 4, leastChunks: 3 };
const QUERIES = 7;

/** Blocks of random keys, of so many tokens each. */
function blocksOf(random: () => number, sizes: readonly number[]) {
  const numbers = (tokens: number) => Float32Array.from({ length: tokens * 16 }, () => random() - 0.5);
  return sizes.map((tokens) => ({ keys: numbers(tokens), values: numbers(tokens), tokens }));
}

test("what is found is what every chunk's score gives, in banks of many sizes", async () => {
  const { heads, kvHeads, headDim } = SHAPE;
  const { chunk, leastChunks: found } = LAYOUT;
  const graph = new OnnxGraph();
  graph.input("query", "float32", [1, "T", heads * headDim]);
  emitSearch(graph, SHAPE, { chunk, found });
  const session = await Session.open(graph.serialize(), { threads: 1 });
  onTestFinished(() => session.close());
  const random = seededRandom(7);
  // The first has less than a query may get.
  for (const blocks of [1, 3, 20, 200]) {
    const sizes = Array.from({ length: blocks }, () => (blocks === 1 ? 6 : 1 + randomInteger(random, 30)));
    const bank = new MemoryBank(SHAPE, LAYOUT, sizes, blocksOf(random, sizes));
    const query = Float32Array.from({ length: QUERIES * heads * headDim }, () => random() - 0.5);
    const feeds = bank.feeds();
    const { memory_rows: rows } = await session.run(
      { ...feeds, query: floatTensor(query, [1, QUERIES, heads * headDim]) },
      ["memory_rows"],
    );
    const keys = feeds["chunk_keys"]?.data;
    if (!(rows?.data instanceof BigInt64Array) || !(keys instanceof Float32Array)) throw new Error("No rows");
    const chunks = bank.rows / chunk;
    const real = sizes.reduce((sum, tokens) => sum + Math.ceil(tokens / chunk), 0);
    const perHead = heads / kvHeads;
    for (let head = 0; head < heads; head++) {
      for (let token = 0; token < QUERIES; token++) {
        const own = query.subarray((token * heads + head) * headDim, (token * heads + head + 1) * headDim);
        const kvHead = Math.floor(head / perHead);
        const scores = Array.from({ length: real }, (_, c) => {
          const at = (kvHead * chunks + c) * headDim;
          return own.reduce((sum, value, i) => sum + value * (keys[at + i] ?? 0), 0);
        });
        const best = [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, found);
        const row = (kvHead * QUERIES + token) * perHead + (head % perHead);
        const got = [...rows.data.subarray(row * found * chunk, (row + 1) * found * chunk)].map(Number);
        const gotChunks = [...new Set(got.map((each) => Math.floor(each / chunk)))];
        expect(gotChunks).toHaveLength(found);
        expect(gotChunks.toSorted((a, b) => a - b).filter((c) => c < real)).toEqual(best.toSorted((a, b) => a - b));
      }
    }
  }
});
