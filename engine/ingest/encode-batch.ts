import { Arena } from "../blocks/arena.ts";
import type { BlockText, EncodedSegment, SegmentEncoder, SegmentInput } from "../blocks/block.ts";
import { encodeBlock } from "../blocks/block-codec.ts";
import type { CodecName } from "../blocks/block-codec.ts";
import { headerKey } from "../blocks/content-key.ts";
import type { NewBlock, NewHeader, NewSegment } from "../store/segment-table.ts";
import type { SegmentBatch } from "./pending-segments.ts";

/** Runs batches of segments through the model and makes rows for the store of what comes out. */
export class BatchEncoder {
  readonly #encoder: SegmentEncoder;
  readonly #codec: CodecName;
  readonly #arena = new Arena();

  constructor(encoder: SegmentEncoder, codec: CodecName) {
    this.#encoder = encoder;
    this.#codec = codec;
  }

  /** The batch's segments, encoded; their bytes are only valid until the next call. */
  async encode(batch: SegmentBatch): Promise<NewSegment[]> {
    this.#arena.reset();
    const headers = new Map<string, NewHeader>();
    const inputs = [...batch.values()];
    const encoded = await this.#encoder.encode(inputs);
    return [...batch.keys()].map((key, i) => {
      const [input, result] = [inputs[i], encoded[i]];
      if (input === undefined || result === undefined) throw new Error("the encoder left a segment out");
      return { key, header: this.#header(headers, input, result), blocks: this.#blocks(input, result) };
    });
  }

  #header(
    known: Map<string, NewHeader>,
    { header }: SegmentInput,
    { headerTokens, kv, row }: EncodedSegment,
  ): NewHeader {
    const key = headerKey(this.#encoder.key, header);
    const same = known.get(key);
    if (same !== undefined) return same;
    const bytes = this.#encodeRows(kv, row, row + headerTokens);
    const fresh = { key, tokens: headerTokens, codec: this.#codec, kv: bytes };
    known.set(key, fresh);
    return fresh;
  }

  #blocks({ segment }: SegmentInput, { headerTokens, kv, row, index }: EncodedSegment): NewBlock[] {
    const firstLine = segment.blocks[0]?.startLine ?? 1;
    let at = row + headerTokens;
    return segment.blocks.map((block, i) => {
      const from = at;
      at += block.tokens.length;
      const entry = index[i];
      if (entry === undefined) throw new Error("the encoder left a block's index entry out");
      const { indexVersion } = this.#encoder;
      const bytes = this.#encodeRows(kv, from, at);
      return { ...place(block, firstLine), codec: this.#codec, kv: bytes, index: entry, indexVersion };
    });
  }

  #encodeRows(kv: EncodedSegment["kv"], from: number, to: number): Uint8Array {
    return encodeBlock(this.#codec, kv, this.#encoder.shape, from, to, this.#arena.take);
  }
}

/** A block's text and its lines counted from 0 at its segment's first: they stay true when the segment moves in its file. */
function place(block: BlockText, firstLine: number): Pick<NewBlock, "text" | "tokens" | "startLine" | "endLine"> {
  const { text, tokens, startLine, endLine } = block;
  return { text, tokens: tokens.length, startLine: startLine - firstLine, endLine: endLine - firstLine };
}
