import { halfToFloat } from "../models/half-float.ts";
import { float16Bits } from "./float16.ts";
import { aligned } from "./kv-codec.ts";
import type { KvCodec } from "./kv-codec.ts";

/** 16 bits: half precision, for comparisons; keys [tokens, channels], then values. */
export const float16Codec: KvCodec = {
  id: 3,
  layerBytes(tokens, channels) {
    return 2 * aligned(2 * tokens * channels);
  },
  encode({ keys, values, row, tokens, channels }, bytes, at) {
    const count = tokens * channels;
    const targets = [
      new Uint16Array(bytes, at, count),
      new Uint16Array(bytes, at + aligned(2 * count), count),
    ] as const;
    for (let i = 0; i < count; i++) {
      targets[0][i] = float16Bits(keys[row * channels + i]!);
      targets[1][i] = float16Bits(values[row * channels + i]!);
    }
  },
  decode(bytes, at, { keys, values, row, tokens, channels }) {
    const count = tokens * channels;
    const sources = [
      new Uint16Array(bytes, at, count),
      new Uint16Array(bytes, at + aligned(2 * count), count),
    ] as const;
    for (let i = 0; i < count; i++) {
      keys[row * channels + i] = halfToFloat(sources[0][i]!);
      values[row * channels + i] = halfToFloat(sources[1][i]!);
    }
  },
};
