import type { ModelConfig } from "../models/model-source.ts";

/** An attention head: `head` counts the layer's query heads. */
export interface Head {
  layer: number;
  head: number;
}

/** The heads that matter to the memory; found when a model is converted, and kept in its manifest. */
export interface AttentionHeads {
  /** The head whose keys are the look-up's index; none where no head is of use, and words alone must do. */
  lookup?: Head;
  /** The heads that tell which blocks an answer was read from, at least one. */
  retrieval: readonly Head[];
}

/** Where no head retrieves: all heads of two layers at 5/9 and 2/3 of the depth, where such heads gather, and no look-up. */
export function guessedHeads(config: ModelConfig): AttentionHeads {
  const layers = new Set([Math.floor((config.layers * 5) / 9), Math.floor((config.layers * 2) / 3)]);
  const all = Array.from({ length: config.heads }, (_, head) => head);
  return { retrieval: [...layers].flatMap((layer) => all.map((head) => ({ layer, head }))) };
}

/** The layers of the retrieval heads and of the look-up head, ascending. */
export function observedLayers({ lookup, retrieval }: AttentionHeads): readonly number[] {
  const heads = lookup ? [lookup, ...retrieval] : retrieval;
  return [...new Set(heads.map(({ layer }) => layer))].sort((a, b) => a - b);
}

/**
 * The layers whose hidden states are projected for the look-up, ascending: at 0.3 and 5/6 of the depth, 9 and 25 of
 * SmolLM2-135M's 30. The early one is nearer to words, the late one to what is meant.
 */
export function projectedLayers(config: ModelConfig): readonly number[] {
  return [Math.floor(config.layers * 0.3), Math.floor((config.layers * 5) / 6)];
}
