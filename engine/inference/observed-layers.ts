import type { ModelConfig } from "../models/model-source.ts";

/** An attention head: `head` counts the layer's query heads. */
export interface Head {
  layer: number;
  head: number;
}

/**
 * SmolLM2-135M's retrieval heads, measured on questions about code: the few whose queries find the block that holds the
 * answer. The first is the best by itself.
 */
const SMOLLM2_135M: readonly Head[] = [
  { layer: 17, head: 5 },
  { layer: 17, head: 3 },
  { layer: 17, head: 4 },
  { layer: 18, head: 6 },
  { layer: 18, head: 7 },
  { layer: 18, head: 8 },
];

function isSmolLm2(config: ModelConfig): boolean {
  return config.architecture === "llama" && config.layers === 30 && config.heads === 9 && config.hidden === 576;
}

/**
 * The heads that tell which blocks an answer was read from. Known for SmolLM2-135M; for any other model all heads of
 * two layers at 5/9 and 2/3 of its depth, where such heads gather.
 */
export function retrievalHeads(config: ModelConfig): readonly Head[] {
  if (isSmolLm2(config)) return SMOLLM2_135M;
  const layers = new Set([Math.floor((config.layers * 5) / 9), Math.floor((config.layers * 2) / 3)]);
  return [...layers].flatMap((layer) => Array.from({ length: config.heads }, (_, head) => ({ layer, head })));
}

/** The head whose keys are the look-up's index; undefined where none is known and words alone must do. */
export function lookupHead(config: ModelConfig): Head | undefined {
  return isSmolLm2(config) ? SMOLLM2_135M[0] : undefined;
}

/** The layers of the retrieval heads, ascending. */
export function observedLayers(config: ModelConfig): readonly number[] {
  return [...new Set(retrievalHeads(config).map(({ layer }) => layer))].sort((a, b) => a - b);
}

/**
 * The layers whose hidden states are projected for the look-up, ascending: at 0.3 and 5/6 of the depth, 9 and 25 of
 * SmolLM2-135M's 30. The early one is nearer to words, the late one to what is meant.
 */
export function projectedLayers(config: ModelConfig): readonly number[] {
  return [Math.floor(config.layers * 0.3), Math.floor((config.layers * 5) / 6)];
}
