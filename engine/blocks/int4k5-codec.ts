import { halfToFloat } from "../models/half-float.ts";
import { decodeValues, encodeValues, groupsOf, inverseOf, putParameters } from "./int4-values.ts";
import type { ValueSections } from "./int4-values.ts";
import { aligned } from "./kv-codec.ts";
import type { KvCodec, LayerRows } from "./kv-codec.ts";

// As in `int8-codec.ts`: hot loops over typed arrays whose lengths `sections` fixed.

/** This share of a layer's channels, those whose keys range widest over the block, get a fifth bit. */
const WIDE_SHARE = 3 / 8;

interface Sections extends ValueSections {
  keyParameters: Uint16Array; // [channels, 2]: minimum and range, half precision
  keyCodes: Uint8Array; // [tokens, channels / 2]: the low four bits, even channel first
  fifthBits: Uint8Array; // [tokens, wide / 8]: of the wide channels in order, the first in the lowest bit; zeros behind
}

/** How a channel's codes become keys. */
interface KeyScale {
  minimum: Float64Array; // [channels]
  step: Float64Array; // [channels]
  /** 15 or 31, [channels]. */
  top: Uint8Array;
  /** Ascending. */
  wide: Uint32Array;
}

/**
 * `int4` with one bit more where it is worth most: a key's error grows with its channel's range, and ranges differ much between
 * channels. A fifth bit for three channels of eight halves the keys' squared error and costs 1/16 of the blob (more bits for
 * outlier channels are from KVQuant, arXiv 2401.18079). Which channels those are follows from the stored ranges. `channels` must
 * be even.
 */
export const int4k5Codec: KvCodec = {
  id: 4,
  layerBytes(tokens, channels) {
    const codes = 2 * aligned((tokens * channels) / 2) + aligned((tokens * wideChannels(channels)) / 8);
    return 4 * (channels + tokens * groupsOf(channels)) + codes;
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

/** Whole bytes of fifth bits a token; none where there are fewer than eight channels. */
function wideChannels(channels: number): number {
  return Math.min(8 * Math.ceil((channels * WIDE_SHARE) / 8), channels & ~7);
}

function sectionsOf(bytes: ArrayBuffer, at: number, { tokens, channels }: LayerRows): Sections {
  const groups = groupsOf(channels);
  const half = (tokens * channels) / 2;
  const keyParameters = new Uint16Array(bytes, at, 2 * channels);
  const valueParameters = new Uint16Array(bytes, at + 4 * channels, 2 * tokens * groups);
  const codes = at + 4 * (channels + tokens * groups);
  const keyCodes = new Uint8Array(bytes, codes, half);
  const valueCodes = new Uint8Array(bytes, codes + aligned(half), half);
  const fifthBits = new Uint8Array(bytes, codes + 2 * aligned(half), aligned((tokens * wideChannels(channels)) / 8));
  return { keyParameters, valueParameters, keyCodes, valueCodes, fifthBits };
}

// Keys are encoded a channel at a time: its minimum and step stay in registers, and the cache holds all rows of a few channels.

function putRanges({ keys, row, tokens, channels }: LayerRows, keyParameters: Uint16Array): void {
  const end = (row + tokens) * channels;
  for (let c = 0; c < channels; c++) {
    let low = keys[row * channels + c]!;
    let high = low;
    for (let at = (row + 1) * channels + c; at < end; at += channels) {
      const key = keys[at]!;
      if (key < low) low = key;
      if (key > high) high = key;
    }
    putParameters(keyParameters, 2 * c, low, high, 1);
  }
}

/** Half-precision bits of numbers >= 0 are in the numbers' order; of equal ranges the later channel is the wider. */
function scaleOf(keyParameters: Uint16Array, channels: number): KeyScale {
  const byRange = new Uint32Array(channels);
  for (let c = 0; c < channels; c++) byRange[c] = keyParameters[2 * c + 1]! * 65_536 + c;
  const wide = byRange
    .sort()
    .subarray(channels - wideChannels(channels))
    .map((ranked) => ranked & 65_535)
    .sort();
  const top = new Uint8Array(channels).fill(15);
  for (const c of wide) top[c] = 31;
  const minimum = new Float64Array(channels);
  const step = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    minimum[c] = halfToFloat(keyParameters[2 * c]!);
    step[c] = halfToFloat(keyParameters[2 * c + 1]!) / top[c]!;
  }
  return { minimum, step, top, wide };
}

function encodeKeys(rows: LayerRows, { keyParameters, keyCodes, fifthBits }: Sections): void {
  const { keys, row, tokens, channels } = rows;
  putRanges(rows, keyParameters);
  const { minimum, step, top, wide } = scaleOf(keyParameters, channels);
  const end = (row + tokens) * channels;
  for (let c = 0; c < channels; c += 2) {
    const [low, otherLow] = [minimum[c]!, minimum[c + 1]!];
    const [inverse, otherInverse] = [inverseOf(step[c]!), inverseOf(step[c + 1]!)];
    const [most, otherMost] = [top[c]!, top[c + 1]!];
    for (let at = row * channels + c, code = c / 2; at < end; at += channels, code += channels / 2) {
      const even = ((keys[at]! - low) * inverse + 0.5) | 0;
      const odd = ((keys[at + 1]! - otherLow) * otherInverse + 0.5) | 0;
      keyCodes[code] = ((even > most ? most : even) & 15) | (((odd > otherMost ? otherMost : odd) & 15) << 4);
    }
  }
  fifthBits.fill(0);
  for (let w = 0; w < wide.length; w++) {
    const low = minimum[wide[w]!]!;
    const inverse = inverseOf(step[wide[w]!]!);
    for (let at = row * channels + wide[w]!, bits = w >>> 3; at < end; at += channels, bits += wide.length / 8) {
      if ((keys[at]! - low) * inverse + 0.5 >= 16) fifthBits[bits]! |= 1 << (w & 7);
    }
  }
}

function decodeKeys({ keyParameters, keyCodes, fifthBits }: Sections, rows: LayerRows): void {
  const { keys, row, tokens, channels } = rows;
  const { minimum, step, wide } = scaleOf(keyParameters, channels);
  const upper = new Uint8Array(channels); // the fifth bits of one token, as 0 or 16
  for (let t = 0, code = 0, bits = 0, at = row * channels; t < tokens; t++) {
    for (let w = 0; w < wide.length; w += 8) {
      const packed = fifthBits[bits++]!;
      for (let i = 0; i < 8; i++) upper[wide[w + i]!] = ((packed >>> i) & 1) << 4;
    }
    for (let c = 0; c < channels; c += 2, at += 2) {
      const pair = keyCodes[code++]!;
      keys[at] = minimum[c]! + ((pair & 15) | upper[c]!) * step[c]!;
      keys[at + 1] = minimum[c + 1]! + ((pair >>> 4) | upper[c + 1]!) * step[c + 1]!;
    }
  }
}
