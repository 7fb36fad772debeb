/** SentencePiece limits pieces to 16 characters by default; runs of spaces are longer. Longer tokens are never merged to. */
const MAX_PIECE_CHARACTERS = 256;

interface Merge {
  left: string;
  right: string;
  score: number;
}

/**
 * The merges that a SentencePiece BPE vocabulary implies: every way to make a token of two others, best score first
 * (`generate_merges` of transformers, whose order among equals this follows).
 */
export function mergesFromScores(tokens: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges: Merge[] = [];
  for (const [id, token] of tokens.entries()) merges.push(...splits(token, scores[id] ?? 0, ids));
  merges.sort(
    (a, b) => b.score - a.score || codePoints(b.left) - codePoints(a.left) || codePoints(b.right) - codePoints(a.right),
  );
  return merges.map(({ left, right }) => [left, right]);
}

function splits(token: string, score: number, ids: ReadonlyMap<string, number>): Merge[] {
  if (token.length > MAX_PIECE_CHARACTERS) return [];
  const found: (Merge & { leftId: number; rightId: number })[] = [];
  const characters = Array.from(token);
  for (let cut = 1; cut < characters.length; cut++) {
    const left = characters.slice(0, cut).join("");
    const right = characters.slice(cut).join("");
    const leftId = ids.get(left);
    const rightId = ids.get(right);
    if (leftId !== undefined && rightId !== undefined) found.push({ left, right, score, leftId, rightId });
  }
  return found.sort((a, b) => a.leftId - b.leftId || a.rightId - b.rightId);
}

function codePoints(text: string): number {
  return Array.from(text).length;
}
