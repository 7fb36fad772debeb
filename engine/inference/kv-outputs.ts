/** A run's new keys and values among its outputs. */
import type { LayerKv } from "../blocks/block.ts";
import { newNames } from "../graph/decoder.ts";
import { floats, type Tensor } from "../runtime/session.ts";

function namesOf(layers: number) {
  return Array.from({ length: layers }, (_, layer) => newNames(layer));
}

/** The names of all of them. */
export function kvOutputs(layers: number): string[] {
  return namesOf(layers).flatMap(({ keys, values }) => [keys, values]);
}

/** Un-rotated, [tokens, kvHeads * headDim] a layer. */
export function layerKv(outputs: Readonly<Record<string, Tensor>>, layers: number): LayerKv {
  const names = namesOf(layers);
  return {
    keys: names.map((name) => floats(outputs, name.keys)),
    values: names.map((name) => floats(outputs, name.values)),
  };
}
