/** What projections of one model are trained and judged on. */
import type { Segment, SegmentEncoder } from "../blocks/block.ts";
import type { SegmentQuestion } from "./segment-questions.ts";
import type { SourceFile } from "./sources.ts";

/** A question and what answers it. */
export interface TrainingPair extends Omit<SegmentQuestion, "blocks"> {
  project: string;
  heldOut: boolean;
  /** Indices of blocks, counted over all segments of the set; the first one holds the definition's name. */
  positives: number[];
}

/** A segment that is to be encoded. */
export interface PairSegment {
  project: string;
  /** Relative to the project. */
  path: string;
  heldOut: boolean;
  /** Its blocks, in a segment to learn from only up to the last one that answers a question. */
  segment: Segment;
  /** Index of its first block, counted over all segments of the set. */
  firstBlock: number;
}

/** Everything that projections of one model are trained and judged on. */
export interface PairSet {
  segments: PairSegment[];
  pairs: TrainingPair[];
  blocks: number;
  /** To run through the model: headers, blocks and questions. */
  tokens: number;
}

/** How files are cut: what ingestion asks of its encoder. */
export type Cutter = Pick<SegmentEncoder, "header" | "tokenize" | "maxSegmentTokens">;

export interface MineOptions {
  seed: number;
  /** Tokens that may be encoded for all pairs. */
  maxTokens: number;
  /** The projects that nothing is learnt from; one in five, chosen by the seed, where none is named. */
  heldOut?: readonly string[];
  signal?: AbortSignal;
  /** Told after each file that gave pairs. */
  onFile?: (file: SourceFile, pairs: number) => void;
}

/** A candidate: a segment with the questions that it answers. */
export interface MinedSegment {
  file: SourceFile;
  headerTokens: number;
  segment: Segment;
  questions: SegmentQuestion[];
}
