import { BLOCK_TOKENS } from "../blocks/block.ts";
import type { BlockText, Segment } from "../blocks/block.ts";
import { cutPoints, cutStrength, TOP_LEVEL } from "./cut-points.ts";
import type { CountedPiece } from "./cut-points.ts";
import { cutText, splitLines } from "./text-lines.ts";

/** A block this full is closed where a definition starts. */
const FULL_ENOUGH = 96;

/** Token ids of a piece of text, as `SegmentEncoder.tokenize`. */
export type Tokenize = (text: string) => Int32Array;

/**
 * Cuts a file's text into segments of at most `maxTokens` tokens and those into blocks of at most `BLOCK_TOKENS`. The blocks'
 * texts joined are `text`; their lines are 1-based lines of the file. Blocks end at line ends, except within a line that is
 * longer than a block. A text without characters has no segment. Throws RangeError where `maxTokens` < `BLOCK_TOKENS`.
 */
export function segmentText(text: string, maxTokens: number, tokenize: Tokenize): Segment[] {
  if (maxTokens < BLOCK_TOKENS) throw new RangeError(`a segment of ${maxTokens} tokens cannot hold a block`);
  const pieces = splitLines(text).flatMap(({ text: content, line, startsLine }) =>
    countPieces(content, line, startsLine, tokenize),
  );
  if (pieces.length === 0) return [];
  const cuts = cutPoints(pieces, maxTokens);
  return cuts.flatMap((cut, i) => {
    const blocks = blocksOf(pieces.slice(cut, cuts[i + 1]), tokenize);
    return groupBlocks(blocks, maxTokens);
  });
}

/** A piece with its token count; one of more tokens than a block holds becomes several. */
function countPieces(text: string, line: number, startsLine: boolean, tokenize: Tokenize): CountedPiece[] {
  const tokens = tokenize(text).length;
  if (tokens <= BLOCK_TOKENS) return [{ text, line, startsLine, tokens }];
  const parts = cutText(text, Math.max(2, Math.ceil(text.length / 2)));
  // One code point is at most a few tokens in any vocabulary that covers bytes.
  if (parts.length === 1) throw new RangeError(`a piece of ${text.length} characters has ${tokens} tokens`);
  return parts.flatMap((part, i) => countPieces(part, line, startsLine && i === 0, tokenize));
}

/** Fills blocks with consecutive pieces. */
function blocksOf(pieces: readonly CountedPiece[], tokenize: Tokenize): BlockText[] {
  const blocks: BlockText[] = [];
  for (let start = 0; start < pieces.length;) {
    const end = blockEnd(pieces, start);
    const { block, next } = longestBlock(pieces, start, end, tokenize);
    blocks.push(block);
    start = next;
  }
  return blocks;
}

/** Where the block that starts at `start` should end, by the pieces' own counts. */
function blockEnd(pieces: readonly CountedPiece[], start: number): number {
  let tokens = 0;
  for (let at = start; at < pieces.length; at++) {
    tokens += pieces[at]?.tokens ?? 0;
    if (at > start && tokens > BLOCK_TOKENS) return at;
    if (tokens >= FULL_ENOUGH && cutStrength(pieces, at + 1) === TOP_LEVEL) return at + 1;
  }
  return pieces.length;
}

/** The pieces [start, end) as a block; joined text may have more tokens than its pieces: then with fewer of them. */
function longestBlock(
  pieces: readonly CountedPiece[],
  start: number,
  end: number,
  tokenize: Tokenize,
): { block: BlockText; next: number } {
  const taken = pieces.slice(start, end);
  const text = taken.map((piece) => piece.text).join("");
  const tokens = tokenize(text);
  if (tokens.length > BLOCK_TOKENS && taken.length > 1) return longestBlock(pieces, start, end - 1, tokenize);
  const startLine = (taken[0]?.line ?? 0) + 1;
  const endLine = (taken.at(-1)?.line ?? 0) + 1;
  return { block: { text, tokens, startLine, endLine }, next: end };
}

/** Blocks as segments that hold no more than they may: one, unless the pieces' counts were too low. */
function groupBlocks(blocks: readonly BlockText[], maxTokens: number): Segment[] {
  const segments: Segment[] = [];
  let room = 0;
  for (const block of blocks) {
    const segment = segments.at(-1);
    if (segment === undefined || block.tokens.length > room) {
      segments.push({ blocks: [block] });
      room = maxTokens - block.tokens.length;
    } else {
      segment.blocks.push(block);
      room -= block.tokens.length;
    }
  }
  return segments;
}
