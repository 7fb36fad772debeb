/** What a run of tokens gives. Types only. */
import type { LayerKv } from "../blocks/block.ts";

/** What one prefill run leaves behind. */
export interface PrefillResult {
  /** New keys (un-rotated) and values, [tokens, kvHeads * headDim] a layer. */
  kv: LayerKv;
  /** After the final norm, [tokens, hidden]; empty unless asked for. */
  hidden: Float32Array;
  /** Un-rotated queries of the observed layers, [tokens, heads * headDim]; empty unless asked for. */
  queries: Map<number, Float32Array>;
  /** The residual stream behind each of `projectedLayers`, [tokens, hidden]; empty unless asked for. */
  residuals: Map<number, Float32Array>;
}

/** What a run puts out besides keys and values. */
export interface PrefillWants {
  hidden?: boolean;
  queries?: boolean;
  residuals?: boolean;
}
