import type { LinePiece } from "./text-lines.ts";

/** A piece of a line and how many tokens it has by itself. */
export interface CountedPiece extends LinePiece {
  tokens: number;
}

/** Start of an unindented line after a blank one: most likely a new definition. */
export const TOP_LEVEL = 3;

/**
 * How good a place the start of `pieces[at]` is for a cut: 3 a top-level line after a blank line, 2 another top-level line that
 * opens something, 1 after a blank line, 0 any line, -1 inside a line.
 */
export function cutStrength(pieces: readonly LinePiece[], at: number): number {
  const piece = pieces[at];
  if (piece === undefined || !piece.startsLine) return -1;
  const afterBlank = at > 0 && pieces[at - 1]?.text.trim() === "";
  const topLevel = /^[^\s)\]}>]/.test(piece.text);
  if (topLevel) return afterBlank ? TOP_LEVEL : 2;
  return afterBlank && piece.text.trim() !== "" ? 1 : 0;
}

/**
 * Cuts a file into parts of at most `maximum` tokens; returns where each part starts, 0 first. Each cut is the best place in
 * the second half of what fits: the strongest, among equals the one whose line has the largest hash. Places are thus chosen by
 * what stands there, not by what stands before, so that an edit moves few cuts and the same ones are found again after it.
 */
export function cutPoints(pieces: readonly CountedPiece[], maximum: number): number[] {
  const cuts = [0];
  let rest = pieces.reduce((sum, { tokens }) => sum + tokens, 0);
  while (rest > maximum) {
    const start = cuts.at(-1) ?? 0;
    const cut = bestCut(pieces, start, maximum);
    for (let at = start; at < cut; at++) rest -= pieces[at]?.tokens ?? 0;
    cuts.push(cut);
  }
  return cuts;
}

function bestCut(pieces: readonly CountedPiece[], start: number, maximum: number): number {
  let best = start + 1;
  let bestScore = -Infinity;
  let tokens = pieces[start]?.tokens ?? 0;
  for (let at = start + 1; at < pieces.length && tokens <= maximum; at++) {
    const score = tokens < maximum / 2 ? -Infinity : cutStrength(pieces, at) + lineHash(pieces, at);
    // Without a place in the second half (one huge piece follows), as late as possible.
    if (score >= bestScore) [best, bestScore] = [at, score];
    tokens += pieces[at]?.tokens ?? 0;
  }
  return best;
}

/** FNV-1a of a line and the one before it, as a fraction of 1. */
function lineHash(pieces: readonly LinePiece[], at: number): number {
  const text = `${pieces[at - 1]?.text ?? ""}${pieces[at]?.text ?? ""}`;
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}
