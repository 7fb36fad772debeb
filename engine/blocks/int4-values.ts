import { halfToFloat } from "../models/half-float.ts";
import { float16Ceil, float16Floor } from "./float16.ts";
import type { LayerRows } from "./kv-codec.ts";

// As in `int8-codec.ts`: hot loops over typed arrays whose lengths the codec's sections fixed.

/** Values share a scale and a minimum over this many channels of one token. */
const GROUP = 64;

/** The values of one layer of one block, 4 bits each. */
export interface ValueSections {
  valueParameters: Uint16Array; // [tokens, groups, 2]: minimum and step, half precision
  valueCodes: Uint8Array; // [tokens, channels / 2]: even channel in the low four bits
}

/** Groups of channels that share a scale. */
export function groupsOf(channels: number): number {
  return Math.ceil(channels / GROUP);
}

/** Writes a minimum and a range of which `steps` steps span [low, high]; rounded outwards, so that no code is clamped far. */
export function putParameters(parameters: Uint16Array, at: number, low: number, high: number, steps: number): void {
  const minimum = float16Floor(low);
  parameters[at] = minimum;
  parameters[at + 1] = float16Ceil((high - halfToFloat(minimum)) / steps);
}

/** 1 / step, or 0 where all numbers are the same. */
export function inverseOf(step: number): number {
  return step > 0 ? 1 / step : 0;
}

/** Rounds each token's values to 16 steps between the least and the largest of their group. */
export function encodeValues(
  { values, row, tokens, channels }: LayerRows,
  { valueParameters, valueCodes }: ValueSections,
): void {
  let parameter = 0;
  let code = 0;
  for (let t = 0; t < tokens; t++) {
    const end = (row + t + 1) * channels;
    for (let from = (row + t) * channels; from < end; from += GROUP) {
      const to = Math.min(from + GROUP, end);
      let low = values[from]!;
      let high = low;
      for (let at = from + 1; at < to; at++) {
        const value = values[at]!;
        if (value < low) low = value;
        else if (value > high) high = value;
      }
      putParameters(valueParameters, parameter, low, high, 15);
      const minimum = halfToFloat(valueParameters[parameter]!);
      const inverse = inverseOf(halfToFloat(valueParameters[parameter + 1]!));
      parameter += 2;
      for (let at = from; at < to; at += 2) {
        const even = ((values[at]! - minimum) * inverse + 0.5) | 0;
        const odd = ((values[at + 1]! - minimum) * inverse + 0.5) | 0;
        valueCodes[code++] = (even > 15 ? 15 : even) | ((odd > 15 ? 15 : odd) << 4);
      }
    }
  }
}

/** Reads back what `encodeValues` wrote. */
export function decodeValues(
  { valueParameters, valueCodes }: ValueSections,
  { values, row, tokens, channels }: LayerRows,
): void {
  let parameter = 0;
  let code = 0;
  for (let t = 0; t < tokens; t++) {
    const end = (row + t + 1) * channels;
    for (let from = (row + t) * channels; from < end; from += GROUP) {
      const to = Math.min(from + GROUP, end);
      const minimum = halfToFloat(valueParameters[parameter++]!);
      const step = halfToFloat(valueParameters[parameter++]!);
      for (let at = from; at < to; at += 2) {
        const pair = valueCodes[code++]!;
        values[at] = minimum + (pair & 15) * step;
        values[at + 1] = minimum + (pair >>> 4) * step;
      }
    }
  }
}
