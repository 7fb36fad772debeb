import type { ModelConfig } from "../models/model-source.ts";

/** An attention head: `head` counts the layer's query heads. */
export interface Head {
  layer: number;
  head: number;
}

/** SmolLM2-135M's retrieval heads, measured: those whose queries find the block that holds the answer. */
const SMOLLM2_135M: readonly Head[] = [17, 18].flatMap((layer) =>
  (layer === 17 ? [3, 4, 5] : [6, 7, 8]).map((head) => ({ layer, head })),
);

/**
 * The heads that tell which blocks an answer was read from. Known for SmolLM2-135M; for any other model all heads of
 * two layers at 5/9 and 2/3 of its depth, where such heads gather.
 */
export function retrievalHeads(config: ModelConfig): readonly Head[] {
  if (config.architecture === "llama" && config.layers === 30 && config.heads === 9 && config.hidden === 576) {
    return SMOLLM2_135M;
  }
  const layers = [...new Set([Math.floor((config.layers * 5) / 9), Math.floor((config.layers * 2) / 3)])];
  return layers.flatMap((layer) => Array.from({ length: config.heads }, (_, head) => ({ layer, head })));
}

/** The layers of those heads, ascending. */
export function observedLayers(config: ModelConfig): readonly number[] {
  return [...new Set(retrievalHeads(config).map(({ layer }) => layer))].sort((a, b) => a - b);
}
