import { aligned } from "./kv-codec.ts";
import type { KvCodec, LayerRows } from "./kv-codec.ts";

// The loops below run over every float of every block: plain indices, no calls, no allocation. `!` stands only on typed
// arrays whose lengths were fixed by `sections`.

/** Values share a scale over this many channels of one token. */
const GROUP = 64;
/** Codes are 1..255 around this zero. */
const ZERO = 128;

interface Sections {
  keyScales: Float32Array; // [channels]
  valueScales: Float32Array; // [tokens, groups]
  keyCodes: Uint8Array; // [tokens, channels]
  valueCodes: Uint8Array; // [tokens, channels]
}

/** 8 bits, symmetric: keys with one scale a channel over the block's tokens, values with one scale a token and 64 channels. */
export const int8Codec: KvCodec = {
  id: 1,
  layerBytes(tokens, channels) {
    return 4 * (channels + tokens * groupsOf(channels)) + 2 * aligned(tokens * channels);
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
  const keyScales = new Float32Array(bytes, at, channels);
  const valueScales = new Float32Array(bytes, at + 4 * channels, tokens * groups);
  const codes = at + 4 * (channels + tokens * groups);
  const keyCodes = new Uint8Array(bytes, codes, tokens * channels);
  const valueCodes = new Uint8Array(bytes, codes + aligned(tokens * channels), tokens * channels);
  return { keyScales, valueScales, keyCodes, valueCodes };
}

function encodeKeys(rows: LayerRows, { keyScales, keyCodes }: Sections): void {
  const { keys, row, tokens, channels } = rows;
  const inverse = new Float64Array(channels);
  for (let c = 0; c < channels; c++) {
    const largest = largestOf(keys, row * channels + c, channels, tokens);
    keyScales[c] = largest / 127;
    inverse[c] = largest > 0 ? 127 / largest : 0;
  }
  for (let t = 0, code = 0, at = row * channels; t < tokens; t++) {
    for (let c = 0; c < channels; c++, at++, code++) keyCodes[code] = (keys[at]! * inverse[c]! + (ZERO + 0.5)) | 0;
  }
}

function encodeValues({ values, row, tokens, channels }: LayerRows, { valueScales, valueCodes }: Sections): void {
  let scale = 0;
  let code = 0;
  for (let t = 0; t < tokens; t++) {
    const end = (row + t + 1) * channels;
    for (let from = (row + t) * channels; from < end; from += GROUP) {
      const to = Math.min(from + GROUP, end);
      const largest = largestOf(values, from, 1, to - from);
      valueScales[scale++] = largest / 127;
      const inverse = largest > 0 ? 127 / largest : 0;
      for (let at = from; at < to; at++, code++) valueCodes[code] = (values[at]! * inverse + (ZERO + 0.5)) | 0;
    }
  }
}

/** The largest magnitude among `count` numbers, `stride` apart. */
function largestOf(numbers: Float32Array, from: number, stride: number, count: number): number {
  let largest = 0;
  for (let i = 0, at = from; i < count; i++, at += stride) {
    const magnitude = Math.abs(numbers[at]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function decodeKeys({ keyScales, keyCodes }: Sections, { keys, row, tokens, channels }: LayerRows): void {
  for (let t = 0, code = 0, at = row * channels; t < tokens; t++) {
    for (let c = 0; c < channels; c++, at++, code++) keys[at] = (keyCodes[code]! - ZERO) * keyScales[c]!;
  }
}

function decodeValues({ valueScales, valueCodes }: Sections, { values, row, tokens, channels }: LayerRows): void {
  let scale = 0;
  const offset = row * channels;
  for (let t = 0; t < tokens; t++) {
    for (let start = 0; start < channels; start += GROUP) {
      const unit = valueScales[scale++]!;
      const to = t * channels + Math.min(start + GROUP, channels);
      for (let at = t * channels + start; at < to; at++) values[offset + at] = (valueCodes[at]! - ZERO) * unit;
    }
  }
}
