/**
 * Look-up projections: small trained maps of a layer's hidden states, one for the tokens of questions and one for those of
 * blocks, compared token by token (late interaction; Khattab and Zaharia, "ColBERT", 2020).
 */

/** Numbers that a projected token has. */
export const PROJECTED = 64;

/** Hidden states are cut here, in standard deviations: some channels of a decoder carry values a thousand times the others'. */
export const CLIP = 6;

/** x -> normalise(clip((x - mean) * inverseDeviation) . weight), to length 1. */
export interface TokenProjection {
  /** [hidden] */
  mean: Float32Array;
  /** [hidden] */
  inverseDeviation: Float32Array;
  /** Row-major [hidden, PROJECTED]. */
  weight: Float32Array;
}

/** What one layer's hidden states are compared with. */
export interface LayerProjection {
  layer: number;
  question: TokenProjection;
  block: TokenProjection;
  /** [hidden]; a question token's weight is the softmax over the question of its dot product with the clipped state. */
  tokenWeight: Float32Array;
  /** [PROJECTED]; a block's number is kept as round(number / step) from -7 to 7. */
  steps: Float32Array;
}
