import { halfToFloat } from "../models/half-float.ts";
import { float16Ceil, float16Floor } from "./float16.ts";
import { aligned } from "./kv-codec.ts";
import type { KvCodec, LayerRows } from "./kv-codec.ts";

// As in `int8-codec.ts`: hot loops over typed arrays whose lengths `sections` fixed.

/** Values share a scale and a minimum over this many channels of one token. */
const GROUP = 64;

interface Sections {
  keyParameters: Uint16Array; // [channels, 2]: minimum and step, half precision
  valueParameters: Uint16Array; // [tokens, groups, 2]
  keyCodes: Uint8Array; // [tokens, channels / 2]: even channel in the low four bits
  valueCodes: Uint8Array; // [tokens, channels / 2]
}

/**
 * 4 bits, affine: keys with a minimum and a step a channel over the block's tokens (most of a key's energy is its channel's
 * mean, as KIVI, arXiv 2402.02750, found), values with a minimum and a step a token and 64 channels.
 * `channels` must be even.
 */
export const int4Codec: KvCodec = {
  id: 2,
  layerBytes(tokens, channels) {
    return 4 * (channels + tokens * groupsOf(channels)) + 2 * aligned((tokens * channels) / 2);
  },
  encode(rows, bytes, at) {
    const sections = sectionsOf(bytes, at, rows);
    encodeKeys(rows, sections);
    encodeValues(rows, sections);
  },
  decode(bytes, at, rows) {
    const sections = sectionsOf(bytes, at, rows);
    decodeKeys(sections, rows);
    decodeValues(sections, rows);
  },
};

function groupsOf(channels: number): number {
  return Math.ceil(channels / GROUP);
}

function sectionsOf(bytes: ArrayBuffer, at: number, { tokens, channels }: LayerRows): Sections {
  const groups = groupsOf(channels);
  const half = (tokens * channels) / 2;
  const keyParameters = new Uint16Array(bytes, at, 2 * channels);
  const valueParameters = new Uint16Array(bytes, at + 4 * channels, 2 * tokens * groups);
  const codes = at + 4 * (channels + tokens * groups);
  const keyCodes = new Uint8Array(bytes, codes, half);
  const valueCodes = new Uint8Array(bytes, codes + aligned(half), half);
  return { keyParameters, valueParameters, keyCodes, valueCodes };
}

/** Writes a minimum and a step that span [low, high]; rounded outwards, so that no code has to be clamped far. */
function putParameters(parameters: Uint16Array, at: number, low: number, high: number): void {
  const minimum = float16Floor(low);
  parameters[at] = minimum;
  parameters[at + 1] = float16Ceil((high - halfToFloat(minimum)) / 15);
}

function inverseOf(step: number): number {
  return step > 0 ? 1 / step : 0;
}

function encodeKeys({ keys, row, tokens, channels }: LayerRows, { keyParameters, keyCodes }: Sections): void {
  const low = new Float64Array(channels).fill(Infinity); // later the minimum as it is stored
  const high = new Float64Array(channels).fill(-Infinity); // later 1 / step
  for (let t = 0, at = row * channels; t < tokens; t++) {
    for (let c = 0; c < channels; c++, at++) {
      const key = keys[at]!;
      if (key < low[c]!) low[c] = key;
      if (key > high[c]!) high[c] = key;
    }
  }
  for (let c = 0; c < channels; c++) {
    putParameters(keyParameters, 2 * c, low[c]!, high[c]!);
    low[c] = halfToFloat(keyParameters[2 * c]!);
    high[c] = inverseOf(halfToFloat(keyParameters[2 * c + 1]!));
  }
  for (let t = 0, code = 0, at = row * channels; t < tokens; t++) {
    for (let c = 0; c < channels; c += 2, at += 2) {
      const even = ((keys[at]! - low[c]!) * high[c]! + 0.5) | 0;
      const odd = ((keys[at + 1]! - low[c + 1]!) * high[c + 1]! + 0.5) | 0;
      keyCodes[code++] = (even > 15 ? 15 : even) | ((odd > 15 ? 15 : odd) << 4);
    }
  }
}

function encodeValues({ values, row, tokens, channels }: LayerRows, { valueParameters, valueCodes }: Sections): void {
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
      putParameters(valueParameters, parameter, low, high);
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

function decodeKeys({ keyParameters, keyCodes }: Sections, { keys, row, tokens, channels }: LayerRows): void {
  const parameters = Float32Array.from(keyParameters, (bits) => halfToFloat(bits));
  for (let t = 0, code = 0, at = row * channels; t < tokens; t++) {
    for (let c = 0; c < 2 * channels; c += 4, at += 2, code++) {
      const pair = keyCodes[code]!;
      keys[at] = parameters[c]! + (pair & 15) * parameters[c + 1]!;
      keys[at + 1] = parameters[c + 2]! + (pair >>> 4) * parameters[c + 3]!;
    }
  }
}

function decodeValues({ valueParameters, valueCodes }: Sections, { values, row, tokens, channels }: LayerRows): void {
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
