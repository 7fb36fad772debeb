/** How long the bank's search takes by itself: the part of the side network's graph that finds and fetches, and nothing else. */
import { emitSearch } from "../../engine/graph/bank-graph.ts";
import { OnnxGraph } from "../../engine/graph/onnx-writer.ts";
import { MemoryBank } from "../../engine/memory/memory-bank.ts";
import type { LongMemWeights } from "../../engine/memory/longmem-weights.ts";
import type { ModelConfig } from "../../engine/models/model-source.ts";
import { floatTensor, Session } from "../../engine/runtime/session.ts";
import { seededRandom } from "../support/random.ts";

/** Queries of a run, as many as the side network reads at once. */
const ROWS = 128;
const RUNS = 9;

export interface SearchTime {
  bankTokens: number;
  /** Median, for all heads of a thousand tokens. */
  msPerThousandTokens: number;
}

/** Over a bank of `bankTokens` random tokens. */
export async function searchTime(
  config: ModelConfig,
  { chunk, retrieved }: LongMemWeights,
  bankTokens: number,
  threads: number,
): Promise<SearchTime> {
  const { heads, kvHeads, headDim } = config;
  const graph = new OnnxGraph();
  graph.input("query", "float32", [1, "T", heads * headDim]);
  const found = emitSearch(graph, config, { chunk, found: retrieved / chunk });
  for (const name of [found.keys, found.values]) {
    graph.output(name, "float32", [kvHeads, "queries", retrieved, headDim]);
  }
  const random = seededRandom(bankTokens);
  const numbers = (length: number) => Float32Array.from({ length }, () => random() - 0.5);
  const rows = bankTokens * kvHeads * headDim;
  const block = { keys: numbers(rows), values: numbers(rows), tokens: bankTokens };
  const bank = new MemoryBank(config, { chunk, leastChunks: retrieved / chunk }, [bankTokens], [block]);
  const session = await Session.open(graph.serialize(), { threads });
  try {
    const times: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const query = floatTensor(numbers(ROWS * heads * headDim), [1, ROWS, heads * headDim]);
      const started = performance.now();
      // One row is copied out, so that the search is timed and not the copy.
      await session.run({ ...bank.feeds(), query }, ["memory_rows"]);
      times.push(performance.now() - started);
    }
    const median = times.toSorted((a, b) => a - b)[Math.floor(RUNS / 2)] ?? 0;
    return { bankTokens, msPerThousandTokens: (median * 1000) / ROWS };
  } finally {
    await session.close();
  }
}
