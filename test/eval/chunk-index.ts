/** The usual retrieval of text: BM25 over chunks of 60 lines, the best of which are read again. */
import { codeWords, questionWords } from "../../engine/retrieval/words.ts";
import type { Passage } from "./ask-text.ts";

const CHUNK_LINES = 60;
/** As in the engine's own lexical look-up (Robertson and Zaragoza, 2009). */
const K1 = 1.2;
const B = 0.75;

/** A chunk's words with their counts. */
interface Chunk extends Passage {
  words: Map<string, number>;
  length: number;
}

/** Chunks of a corpus, ready to be searched. */
export class ChunkIndex {
  private readonly chunks: Chunk[];
  private readonly meanLength: number;
  private readonly documents = new Map<string, number>();

  constructor(files: ReadonlyMap<string, string>) {
    this.chunks = [...files].flatMap(([path, text]) => chunksOf(path, text));
    this.meanLength = this.chunks.reduce((sum, { length }) => sum + length, 0) / Math.max(1, this.chunks.length);
    for (const { words } of this.chunks) {
      for (const word of words.keys()) this.documents.set(word, (this.documents.get(word) ?? 0) + 1);
    }
  }

  /** The best chunks with a word of the question, best first. */
  search(question: string, limit: number): Passage[] {
    const words = questionWords(question);
    const scored = this.chunks.map((chunk) => ({ chunk, score: this.score(chunk, words) }));
    const hits = scored.filter(({ score }) => score > 0).toSorted((a, b) => b.score - a.score);
    return hits.slice(0, limit).map(({ chunk: { path, text } }) => ({ path, text }));
  }

  private score({ words, length }: Chunk, asked: readonly string[]): number {
    const norm = K1 * (1 - B + (B * length) / this.meanLength);
    return asked.reduce((sum, word) => {
      const [count, having] = [words.get(word) ?? 0, this.documents.get(word) ?? 0];
      const weight = Math.log(1 + (this.chunks.length - having + 0.5) / (having + 0.5));
      return sum + (weight * count * (K1 + 1)) / (count + norm);
    }, 0);
  }
}

/** The path is part of each chunk's words, as it is of each block's. */
function chunksOf(path: string, text: string): Chunk[] {
  const lines = text.split("\n");
  return Array.from({ length: Math.ceil(lines.length / CHUNK_LINES) }, (_, i) => {
    const chunk = lines.slice(i * CHUNK_LINES, (i + 1) * CHUNK_LINES).join("\n");
    const all = codeWords(`${path}\n${chunk}`);
    const words = new Map<string, number>();
    for (const word of all) words.set(word, (words.get(word) ?? 0) + 1);
    return { path, text: chunk, words, length: all.length };
  });
}

/**
 * The passages, best first, that fit into `tokens`; the last is cut at a line.
 * @param count tokens of a text
 */
export function fitPassages(passages: readonly Passage[], tokens: number, count: (text: string) => number): Passage[] {
  const fitting: Passage[] = [];
  let room = tokens;
  for (const { path, text } of passages) {
    const lines = text.split("\n");
    let kept = lines.length;
    while (kept > 0 && count(lines.slice(0, kept).join("\n")) > room) kept--;
    if (kept === 0) break;
    const cut = lines.slice(0, kept).join("\n");
    fitting.push({ path, text: cut });
    room -= count(cut);
    if (kept < lines.length) break;
  }
  return fitting;
}
