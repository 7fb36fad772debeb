/** Runs segments of files through the model, each isolated: behind the prefix and its file's header, and nothing else. */
import { createHash } from "node:crypto";
import type { EncodedSegment, KvShape, LayerKv, SegmentEncoder, SegmentInput } from "../blocks/block.ts";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { encodeIndexEntry } from "../retrieval/head-index.ts";
import type { AttentionWindow } from "./attention-window.ts";
import { CONVERTER_VERSION } from "./converted-model.ts";
import type { LanguageModel } from "./language-model.ts";
import { type Head, lookupHead } from "./observed-layers.ts";
import { headerText, PROMPT_VERSION, type PromptWriter } from "./prompt.ts";

/** Longest file name (in tokens) that a header may spend of a segment. */
const MAX_HEADER_TOKENS = 128;

/** Questions about nothing in particular: what a block scores on them is what it scores on anything. */
const GENERIC_QUESTIONS = [
  "What does this project do?",
  "Where is the main function defined?",
  "Which file contains the tests?",
  "How is an error handled?",
  "What is the default value?",
  "What does this class represent?",
  "Which function is called first?",
  "How do I run it?",
];

/** Encodes segments for the memory. */
export class BlockEncoder implements SegmentEncoder {
  readonly key: string;
  readonly shape: KvShape;
  readonly maxSegmentTokens = PREFILL_ROWS;
  readonly batchTokens = PREFILL_ROWS;
  /** Keys and values of the prefix, rotated in place: what every segment and every question stands behind. */
  readonly prefix: AttentionWindow;
  /** Awaited before each run: whoever is asked meanwhile is answered first. */
  beforeRun: () => Promise<void> = () => Promise.resolve();
  private readonly model: LanguageModel;
  private readonly genericQueries: Float32Array;
  private readonly head: Head | undefined;

  private constructor(
    model: LanguageModel,
    prompt: PromptWriter,
    prefix: AttentionWindow,
    genericQueries: Float32Array,
  ) {
    const { layers, kvHeads, headDim } = model.config;
    this.shape = { layers, kvHeads, headDim };
    this.model = model;
    this.prefix = prefix;
    this.genericQueries = genericQueries;
    this.head = lookupHead(model.config);
    const parts = [model.hash, CONVERTER_VERSION, PROMPT_VERSION, PREFILL_ROWS, ...prompt.prefix];
    this.key = createHash("sha256").update(parts.join(" ")).digest("hex");
  }

  /** Computes the prefix, and what the look-up head asks of generic questions. */
  static async create(model: LanguageModel, prompt: PromptWriter): Promise<BlockEncoder> {
    const prefix = model.window(prompt.prefix.length);
    await model.read(prefix, prompt.prefix, 0);
    const generic: Float32Array[] = [];
    for (const question of GENERIC_QUESTIONS) {
      generic.push(await lookupQueries(model, prefix, model.tokenizer.encode(question)));
    }
    return new BlockEncoder(model, prompt, prefix, concatenate(generic));
  }

  header(path: string): Int32Array {
    return this.model.tokenizer.encode(headerText(path)).subarray(0, MAX_HEADER_TOKENS);
  }

  tokenize(text: string): Int32Array {
    return this.model.tokenizer.encode(text);
  }

  /**
   * One run a segment. Several short ones in a run would be a little faster, but then a segment's last bits would hang on
   * its neighbours, and its keys and values must be a function of its text alone.
   */
  async encode(inputs: readonly SegmentInput[]): Promise<EncodedSegment[]> {
    const results: EncodedSegment[] = [];
    for (const input of inputs) {
      await this.beforeRun();
      const tokens = segmentTokens(input);
      const positions = Int32Array.from(tokens, (_, i) => this.prefix.length + i);
      const { kv } = await this.model.run(this.prefix, tokens, positions);
      results.push({ headerTokens: input.header.length, kv, row: 0, index: this.indexEntries(kv, input) });
    }
    return results;
  }

  private indexEntries(kv: LayerKv, { header, segment }: SegmentInput): Uint8Array[] {
    const { head } = this;
    if (!head) return segment.blocks.map(() => new Uint8Array(0));
    let at = header.length;
    return segment.blocks.map((block) => {
      const keys = this.headKeys(kv, head, at, at + block.tokens.length);
      at += block.tokens.length;
      return encodeIndexEntry(keys, this.genericQueries, this.shape.headDim);
    });
  }

  /** The keys of one query head's KV head, rows [from, to), as [tokens, headDim]. */
  private headKeys(kv: LayerKv, { layer, head }: Head, from: number, to: number): Float32Array {
    const { headDim, kvHeads } = this.shape;
    const kvHead = Math.floor((head * kvHeads) / this.model.config.heads);
    const source = kv.keys[layer] ?? new Float32Array(0);
    const keys = new Float32Array((to - from) * headDim);
    for (let row = from; row < to; row++) {
      const start = (row * kvHeads + kvHead) * headDim;
      keys.set(source.subarray(start, start + headDim), (row - from) * headDim);
    }
    return keys;
  }
}

/** A segment's tokens behind its header's. */
function segmentTokens({ header, segment }: SegmentInput): Int32Array {
  const parts = [header, ...segment.blocks.map((block) => block.tokens)];
  const tokens = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    tokens.set(part, at);
    at += part.length;
  }
  return tokens;
}

/**
 * The look-up head's un-rotated queries for a question's tokens, scaled for dot products [tokens, headDim]; empty where
 * the model has no such head.
 */
export async function lookupQueries(
  model: LanguageModel,
  prefix: AttentionWindow,
  question: Int32Array,
): Promise<Float32Array> {
  const head = lookupHead(model.config);
  if (!head || question.length === 0) return new Float32Array(0);
  const tokens = question.subarray(0, PREFILL_ROWS);
  const positions = Int32Array.from(tokens, (_, i) => prefix.length + i);
  const { queries } = await model.run(prefix, tokens, positions, { queries: true });
  const { headDim, heads } = model.config;
  const all = queries.get(head.layer) ?? new Float32Array(0);
  const own = new Float32Array(tokens.length * headDim);
  for (let token = 0; token < tokens.length; token++) {
    const start = (token * heads + head.head) * headDim;
    for (let i = 0; i < headDim; i++) own[token * headDim + i] = (all[start + i] ?? 0) / Math.sqrt(headDim);
  }
  return own;
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
