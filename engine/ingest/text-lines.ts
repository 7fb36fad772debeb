/** A line, or a piece of one that is too long for a block. */
export interface LinePiece {
  text: string;
  /** 0-based line of the file. */
  line: number;
  /** Whether a line starts here. */
  startsLine: boolean;
}

/**
 * Longer lines are cut before they are tokenised: tokenizers take time quadratic in the length of one word, and a piece of
 * this length is seldom more than a block.
 */
const PIECE_CHARACTERS = 512;

/** The lines of `text` with their ends (LF, CRLF or CR, as editors count them), long ones in pieces; joined they are `text`. */
export function splitLines(text: string): LinePiece[] {
  const lines = text.match(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$/g) ?? [];
  return lines.flatMap((content, line) => {
    if (content.length <= PIECE_CHARACTERS) return [{ text: content, line, startsLine: true }];
    return cutText(content, PIECE_CHARACTERS).map((piece, i) => ({ text: piece, line, startsLine: i === 0 }));
  });
}

/** Pieces of at most `length` (>= 2) UTF-16 units; no code point and no CRLF is cut in two. */
export function cutText(text: string, length: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + length, text.length);
    if (end < text.length && end > at + 1 && isInside(text, end)) end--;
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

function isInside(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  const isPair = before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000;
  return isPair || (before === 0x0d && after === 0x0a);
}
