import type { Store } from "../store/store.ts";
import type { StoredSymbol, SymbolTable } from "../store/symbol-table.ts";
import { nameWords, questionWords, wordKey } from "./words.ts";

/** Names and words of one question beyond which more are a pasted text. */
const MAX_NAMES = 8;
const MAX_WORDS = 12;

/** Names of more words are asked for as they are written. */
const LONGEST_NAME = 4;

/** Blocks that one question's names may lead to. */
const MAX_HITS = 32;

/** How sure it is that a name is meant, 1 where the question spells it as code. */
const ANY_CASE = 0.7;
const PLAIN = 0.4;
const ALL_WORDS = 0.6;

/** Fields and prototypes share their names with what the question more likely means. */
const WEAK_KINDS = new Map([
  ["field", 0.6],
  ["declaration", 0.6],
]);

/** What people call by a plain word when they ask where it is defined; "the tokenizer" is hardly a variable or a field. */
const PLACES = new Set([
  "class",
  "interface",
  "type",
  "struct",
  "trait",
  "enum",
  "module",
  "function",
  "method",
  "macro",
]);

/** A block that defines what a question names. */
export interface SymbolHit {
  blockId: number;
  /** 0 to 1; less where several blocks define the name. */
  score: number;
  /** Whether the question writes the name as code or says all of its several words: no other block can be meant as much. */
  sure: boolean;
  name: string;
  kind: string;
}

/** One way of asking for a name. */
interface Wanted {
  found: (symbols: SymbolTable) => StoredSymbol[];
  /** How sure it is that this one of them is meant. */
  score: (symbol: StoredSymbol) => number;
}

/** Leads from the names in a question to the blocks that define them. */
export class SymbolIndex {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The blocks that define what the question names, surest first, each once. A question is plain text: nothing in it is read as a query. */
  search(question: string): SymbolHit[] {
    const wanted = [...identifiers(question), ...wordNames(question)];
    const hits = this.#store.read((_, __, symbols) =>
      wanted.flatMap(({ found, score }) => hitsOf(score, found(symbols))),
    );
    const best = new Map<number, SymbolHit>();
    for (const hit of hits.toSorted((a, b) => b.score - a.score || a.blockId - b.blockId)) {
      if (!best.has(hit.blockId)) best.set(hit.blockId, hit);
    }
    return [...best.values()].slice(0, MAX_HITS);
  }
}

/** The more blocks define a name, the less it says about any of them. */
function hitsOf(score: Wanted["score"], symbols: readonly StoredSymbol[]): SymbolHit[] {
  const blocks = new Set(symbols.map(({ block }) => block)).size;
  return symbols.map((symbol) => ({
    blockId: symbol.block,
    score: (score(symbol) * (WEAK_KINDS.get(symbol.kind) ?? 1)) / Math.sqrt(blocks),
    sure: score(symbol) >= ALL_WORDS,
    name: symbol.name,
    kind: symbol.kind,
  }));
}

/** Names as they are written: code by its letters or by what stands around it, and plain words that may be names, too. */
function identifiers(question: string): Wanted[] {
  const telling = new Set(questionWords(question));
  const asksForPlace = /\b(?:defin|declar|implement)/i.test(question);
  const names = new Map<string, boolean>();
  for (const { 0: name, index } of question.matchAll(/[\p{L}_$][\p{L}\p{N}_$]{1,99}/gu)) {
    const isCode = looksLikeCode(name, question.charAt(index - 1), question.slice(index + name.length));
    if (isCode || telling.has(name.toLowerCase())) names.set(name, isCode || (names.get(name) ?? false));
  }
  // What is written as code is meant for sure: no number of other words crowds it out.
  const codeFirst = [...names].toSorted(([, a], [, b]) => Number(b) - Number(a));
  return codeFirst.slice(0, MAX_NAMES).map(([name, isCode]) => ({
    found: (symbols) => symbols.named(name),
    score: (symbol) => {
      const isWritten = symbol.name === name;
      if (isWritten && (isCode || /\p{Lu}/u.test(name))) return 1;
      if (asksForPlace && PLACES.has(symbol.kind)) return isWritten ? 1 : ANY_CASE;
      return isCode ? ANY_CASE : PLAIN;
    },
  }));
}

/** `retryPolicy`, `retry_policy`, `v2`, `` `retry` ``, `.retry`, `retry(`, `retry.policy`, `retry::policy`. */
function looksLikeCode(name: string, before: string, after: string): boolean {
  return /[_$\d]|\p{Ll}\p{Lu}/u.test(name) || /[`.#:]/.test(before) || /^(?:[`(]|[.#]\p{L}|::)/u.test(after);
}

/** Names that are made of words of the question: "retry policy" for `RetryPolicy` and `policy_retry`. */
function wordNames(question: string): Wanted[] {
  const words = questionWords(question).filter((word) => nameWords(word).join("") === word);
  return combinations(words.slice(0, MAX_WORDS)).map((combination) => ({
    found: (symbols) => symbols.madeOf(wordKey(combination)),
    score: () => ALL_WORDS + (combination.length - 2) / 10,
  }));
}

/** All choices of 2 to `LONGEST_NAME` words. */
function combinations(words: readonly string[]): string[][] {
  let chosen: string[][] = words.map((word) => [word]);
  const all: string[][] = [];
  for (let length = 2; length <= LONGEST_NAME; length++) {
    chosen = chosen.flatMap((some) => words.slice(words.indexOf(some.at(-1) ?? "") + 1).map((word) => [...some, word]));
    all.push(...chosen);
  }
  return all;
}
