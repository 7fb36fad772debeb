import type { Posting } from "../store/lexical-table.ts";
import type { Store } from "../store/store.ts";
import { questionPairs, questionWords, wordForms } from "./words.ts";

/** How fast a word's weight saturates, and how much long blocks are held back (Robertson and Zaragoza, 2009). */
const K1 = 1.2;
const B = 0.75;

/**
 * Where more of the words than this are in no block, the question is in another language than the code: then only the others, names
 * mostly, say how much of it is covered.
 */
const FOREIGN = 0.5;

/** More distinct words than anyone types: a pasted file must not turn a question into a scan of everything. */
const MAX_QUESTION_WORDS = 64;

/** A block that shares words with a question. */
export interface LexicalHit {
  blockId: number;
  /** BM25. */
  score: number;
  /** `score` divided by what a block that is full of every word of the question would get, 0 to 1. */
  coverage: number;
  /** The same where any form of a word ("parses", "parser") counts as the word. */
  formCoverage: number;
  /** The same for pairs: words that are neighbours in the question and stand side by side in the block (Metzler and Croft, 2005). */
  pairCoverage: number;
}

/** The lengths of the live blocks, in words. */
interface Lengths {
  generation: number;
  words: ReadonlyMap<number, number>;
  mean: number;
}

/**
 * Finds blocks by the words that they share with a question: BM25 over code-aware words (`words.ts`), with the file's path as part of
 * each block. Coverage is small where a question shares few words with any block, so that another signal may decide.
 */
export class LexicalIndex {
  readonly #store: Store;
  #lengths: Lengths | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The best `limit` blocks, best first; equal ones by id. A question is plain text: nothing in it is read as a query. */
  search(question: string, limit: number): LexicalHit[] {
    const words = questionWords(question).slice(0, MAX_QUESTION_WORDS);
    const generation = this.#store.generation();
    return this.#store.read((_, lexical) => {
      if (this.#lengths?.generation !== generation) this.#lengths = measure(lexical.lengths(), generation);
      const exact = rank(
        words.map((word) => lexical.postings(word)),
        this.#lengths,
      );
      const forms = rank(
        words.map((word) => merged(wordForms(word).map((form) => lexical.postings(form)))),
        this.#lengths,
      );
      const pairs = rank(
        questionPairs(question)
          .slice(0, MAX_QUESTION_WORDS)
          .map(([first, second]) => once(lexical.following(first, second))),
        this.#lengths,
        1,
      );
      return hitsOf(exact, forms, pairs).slice(0, limit);
    });
  }
}

/** Scores by block, and what a block that is full of every word would get. */
interface Ranked {
  scores: ReadonlyMap<number, number>;
  possible: number;
}

/** Every block that shares a word or a form of one, those that share words first. */
function hitsOf(exact: Ranked, forms: Ranked, pairs: Ranked): LexicalHit[] {
  const hits = [...forms.scores].map(([blockId, formScore]): LexicalHit => {
    const score = exact.scores.get(blockId) ?? 0;
    const pairScore = pairs.scores.get(blockId) ?? 0;
    return {
      blockId,
      score,
      coverage: score / exact.possible,
      formCoverage: formScore / forms.possible,
      pairCoverage: pairScore === 0 ? 0 : pairScore / pairs.possible,
    };
  });
  return hits.sort((a, b) => b.score - a.score || b.formCoverage - a.formCoverage || a.blockId - b.blockId);
}

function once(blocks: readonly number[]): Posting[] {
  return blocks.map((block) => ({ block, count: 1 }));
}

/** The postings of several forms as those of one word. */
function merged(forms: readonly Posting[][]): Posting[] {
  const counts = new Map<number, number>();
  for (const { block, count } of forms.flat()) counts.set(block, (counts.get(block) ?? 0) + count);
  return [...counts].map(([block, count]) => ({ block, count }));
}

function measure(words: ReadonlyMap<number, number>, generation: number): Lengths {
  let sum = 0;
  for (const length of words.values()) sum += length;
  return { generation, words, mean: sum / Math.max(1, words.size) };
}

/** @param foreign share of unknown words above which these are not counted as possible */
function rank(postings: readonly Posting[][], lengths: Lengths, foreign = FOREIGN): Ranked {
  const scores = new Map<number, number>();
  let possible = 0;
  const unknown = postings.filter((found) => found.length === 0).length;
  const isForeign = unknown < postings.length && unknown > foreign * postings.length;
  for (const found of postings) {
    const weight = inverseFrequency(found.length, lengths.words.size);
    if (found.length > 0 || !isForeign) possible += (K1 + 1) * weight;
    for (const { block, count } of found) {
      const norm = K1 * (1 - B + (B * (lengths.words.get(block) ?? 0)) / lengths.mean);
      scores.set(block, (scores.get(block) ?? 0) + (weight * count * (K1 + 1)) / (count + norm));
    }
  }
  return { scores, possible };
}

/** Robertson's inverse document frequency, kept positive as Lucene does. A word that no block has weighs most. */
function inverseFrequency(documents: number, all: number): number {
  return Math.log(1 + (all - documents + 0.5) / (documents + 0.5));
}
