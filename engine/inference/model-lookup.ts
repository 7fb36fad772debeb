/** What a model's own states tell about which blocks fit a question: what is kept of a block, and what a question asks. */
import type { SegmentInput } from "../blocks/block.ts";
import type { AttentionWindow } from "./attention-window.ts";
import type { LanguageModel } from "./language-model.ts";
import type { PrefillResult, PrefillWants } from "./prefill-result.ts";

/** The blocks' entries in memory, kept up to date with the store. */
export interface ModelIndex {
  /** Whether scores are cosines, which mean the same from question to question. */
  readonly givesCosines: boolean;
  /**
   * Takes the entries of the blocks that are live now, and no others.
   * @param entry one block's entry; undefined where it has none (yet)
   * @param entries all of them, for an index that starts empty
   */
  update(
    live: ReadonlySet<number>,
    entry: (block: number) => Uint8Array | undefined,
    entries: () => Iterable<[block: number, entry: Uint8Array]>,
  ): void;
  /** One or several scores of every block that has an entry; larger is better, each on a scale of its own. */
  score(question: Int32Array): Promise<ReadonlyMap<number, number>[]>;
  close(): Promise<void>;
}

/** One way to look up by the model's states. */
export interface ModelLookup {
  /** Names how entries are made: those of another version are made again. */
  readonly version: string;
  /** What a run must put out for `entries`. */
  readonly wants: PrefillWants;
  /** The index entry of each block of a segment. @param run the segment's, its header's rows first */
  entries(run: PrefillResult, input: SegmentInput): Promise<Uint8Array[]>;
  openIndex(threads: number): Promise<ModelIndex>;
  close(): Promise<void>;
}

/** Runs a question behind the prefix, as blocks are. @param tokens at most `PREFILL_ROWS` */
export function runQuestion(
  model: LanguageModel,
  prefix: AttentionWindow,
  tokens: Int32Array,
  wants: PrefillWants,
): Promise<PrefillResult> {
  const positions = Int32Array.from(tokens, (_, i) => prefix.length + i);
  return model.run(prefix, tokens, positions, wants);
}

/** A segment's blocks as ranges of its run's rows. */
export function blockRows({ header, segment }: SegmentInput): { from: number; to: number }[] {
  let at = header.length;
  return segment.blocks.map(({ tokens }) => {
    const from = at;
    at += tokens.length;
    return { from, to: at };
  });
}
