import { halfToFloat } from "../models/half-float.ts";
import { decodeValues, encodeValues, groupsOf, inverseOf, putParameters } from "./int4-values.ts";
import type { ValueSections } from "./int4-values.ts";
import { aligned } from "./kv-codec.ts";
import type { KvCodec, LayerRows } from "./kv-codec.ts";

// As in `int8-codec.ts`: hot loops over typed arrays whose lengths `sections` fixed.

interface Sections extends ValueSections {
  keyParameters: Uint16Array; // [channels, 2]: minimum and step, half precision
  keyCodes: Uint8Array; // [tokens, channels / 2]: even channel in the low four bits
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
    putParameters(keyParameters, 2 * c, low[c]!, high[c]!, 15);
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
