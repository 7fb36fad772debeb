/** Banks of texts that are no files. */
import type { LanguageModel } from "../../engine/inference/language-model.ts";
import type { LongMemWeights } from "../../engine/memory/longmem-weights.ts";
import { type BankBlock, MemoryBank } from "../../engine/memory/memory-bank.ts";

/** One layer of each segment, read alone behind the prefix as ingestion does. */
export async function segmentStates(
  model: LanguageModel,
  prefix: Int32Array,
  segments: readonly Int32Array[],
  layer: number,
): Promise<BankBlock[]> {
  const window = model.window(prefix.length);
  await model.read(window, prefix, 0);
  const blocks: BankBlock[] = [];
  for (const segment of segments) {
    const positions = Int32Array.from(segment, (_, i) => prefix.length + i);
    const { kv } = await model.run(window, segment, positions);
    const [keys, values] = [kv.keys[layer], kv.values[layer]];
    if (!keys || !values) throw new RangeError(`The model has no layer ${layer}`);
    blocks.push({ keys, values, tokens: segment.length });
  }
  return blocks;
}

/** A bank as the side network searches it. */
export function bankOf(model: LanguageModel, weights: LongMemWeights, blocks: readonly BankBlock[]): MemoryBank {
  const layout = { chunk: weights.chunk, leastChunks: weights.retrieved / weights.chunk };
  return new MemoryBank(
    model.config,
    layout,
    blocks.map(({ tokens }) => tokens),
    blocks,
  );
}
