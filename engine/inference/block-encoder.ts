/** Runs segments of files through the model, each isolated: behind the prefix and its file's header, and nothing else. */
import { createHash } from "node:crypto";
import type { EncodedSegment, KvShape, SegmentEncoder, SegmentInput } from "../blocks/block.ts";
import { PREFILL_ROWS } from "../graph/attention.ts";
import type { AttentionWindow } from "./attention-window.ts";
import type { LanguageModel } from "./language-model.ts";
import type { PrefillResult } from "./prefill-result.ts";
import type { ModelLookup } from "./model-lookup.ts";
import { joinedTokens } from "./text-batch.ts";
import { headerText, PROMPT_VERSION, type PromptWriter } from "./prompt.ts";

/** Counts up whenever graphs give other numbers: blocks of another version are encoded again. */
const ENCODING_VERSION = 4;

/** Longest file name (in tokens) that a header may spend of a segment. */
const MAX_HEADER_TOKENS = 128;

/** Makes the look-up of questions that stand behind a prefix, where the model has one. */
export type OpenLookup = (prefix: AttentionWindow) => Promise<ModelLookup | undefined>;

/** Encodes segments for the memory. */
export class BlockEncoder implements SegmentEncoder {
  readonly key: string;
  readonly indexVersion: string;
  readonly shape: KvShape;
  readonly maxSegmentTokens: number;
  /** Keys and values of the prefix, rotated in place: what every segment and every question stands behind. */
  readonly prefix: AttentionWindow;
  /** How the model's states find blocks; undefined where nothing is known of this model, and words must do. */
  readonly lookup: ModelLookup | undefined;
  private readonly model: LanguageModel;

  private constructor(
    model: LanguageModel,
    prompt: PromptWriter,
    prefix: AttentionWindow,
    lookup: ModelLookup | undefined,
  ) {
    const { layers, kvHeads, headDim } = model.config;
    this.shape = { layers, kvHeads, headDim };
    this.model = model;
    this.prefix = prefix;
    this.maxSegmentTokens = Math.min(PREFILL_ROWS, model.positions - prefix.length);
    this.lookup = lookup;
    this.indexVersion = lookup?.version ?? "none";
    const parts = [model.hash, ENCODING_VERSION, PROMPT_VERSION, PREFILL_ROWS, ...prompt.prefix];
    this.key = createHash("sha256").update(parts.join(" ")).digest("hex");
  }

  /** Computes the prefix, and opens the look-up. */
  static async create(
    model: LanguageModel,
    prompt: PromptWriter,
    openLookup: OpenLookup = () => Promise.resolve(undefined),
  ): Promise<BlockEncoder> {
    const prefix = model.window(prompt.prefix.length);
    await model.read(prefix, prompt.prefix, 0);
    return new BlockEncoder(model, prompt, prefix, await openLookup(prefix));
  }

  get batchTokens(): number {
    return this.model.batchRows;
  }

  header(path: string): Int32Array {
    return this.model.tokenizer.encode(headerText(path)).subarray(0, MAX_HEADER_TOKENS);
  }

  tokenize(text: string): Int32Array {
    return this.model.tokenizer.encode(text);
  }

  /**
   * On the CPU one run a segment: several short ones in a run would be a little faster, but then a segment's last bits would hang on
   * its neighbours, and its keys and values must be a function of its text alone. A device, which few rows leave idle, takes a batch in
   * one run: its segments do not see each other, and only the batch's size is in their last bits.
   */
  async encode(inputs: readonly SegmentInput[]): Promise<EncodedSegment[]> {
    const results: EncodedSegment[] = [];
    for (const batch of batches(
      inputs.map((input) => ({ input, tokens: segmentTokens(input) })),
      this.batchTokens,
    )) {
      const texts = batch.map(({ tokens }) => tokens);
      const runs = await this.model.runEach(this.prefix, texts, this.lookup?.wants ?? {});
      for (const [i, run] of runs.entries()) {
        const input = batch[i]?.input;
        if (input) results.push(await this.encoded(input, run));
      }
    }
    return results;
  }

  private async encoded(input: SegmentInput, run: PrefillResult): Promise<EncodedSegment> {
    const index = (await this.lookup?.entries(run, input)) ?? input.segment.blocks.map(() => new Uint8Array(0));
    return { headerTokens: input.header.length, kv: run.kv, row: 0, index };
  }
}

/** Cuts a list where its tokens would be more than `most`; a single item may be longer. */
function batches<T extends { tokens: Int32Array }>(items: readonly T[], most: number): T[][] {
  const cut: T[][] = [];
  let room = 0;
  for (const item of items) {
    const last = cut.at(-1);
    if (last && item.tokens.length <= room) last.push(item);
    else {
      cut.push([item]);
      room = most;
    }
    room -= item.tokens.length;
  }
  return cut;
}

/** A segment's tokens behind its header's. */
function segmentTokens({ header, segment }: SegmentInput): Int32Array {
  return joinedTokens([header, ...segment.blocks.map(({ tokens }) => tokens)]);
}
