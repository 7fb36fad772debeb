import type { Connection } from "./connection.ts";

/** How often a word occurs in a block. */
export interface Posting {
  block: number;
  count: number;
}

/** Words of the live blocks: an FTS5 table as the postings, and each block's length in words. */
export class LexicalTable {
  readonly #insert;
  readonly #insertLength;
  readonly #remove;
  readonly #removeLength;
  readonly #occurrences;
  readonly #lengths;
  readonly #phrase;
  readonly #optimize;

  constructor(connection: Connection) {
    this.#insert = connection.prepare<[number, string]>("INSERT INTO lexical (rowid, words) VALUES (?, ?)");
    this.#insertLength = connection.prepare<[number, number]>(
      "INSERT INTO lexical_length (block, words) VALUES (?, ?)",
    );
    this.#remove = connection.prepare<[number]>("DELETE FROM lexical WHERE rowid = ?");
    this.#removeLength = connection.prepare<[number]>("DELETE FROM lexical_length WHERE block = ?");
    this.#occurrences = connection.prepare<[string], number>("SELECT doc FROM lexical_terms WHERE term = ?").pluck();
    this.#lengths = connection.prepare<[], [number, number]>("SELECT block, words FROM lexical_length").raw();
    this.#phrase = connection.prepare<[string], number>("SELECT rowid FROM lexical WHERE lexical MATCH ?").pluck();
    this.#optimize = connection.prepare("INSERT INTO lexical (lexical) VALUES ('optimize')");
  }

  /** `words` are already split and in lower case. */
  put(block: number, words: readonly string[]): void {
    this.#insert.run(block, words.join(" "));
    this.#insertLength.run(block, words.length);
  }

  remove(block: number): void {
    this.#remove.run(block);
    this.#removeLength.run(block);
  }

  /** Rewrites the postings, so that no word of a removed block is left in them. */
  purge(): void {
    this.#optimize.run();
  }

  /** The blocks that hold `word`, by id. The word is a bound value: nothing in it is read as a query. */
  postings(word: string): Posting[] {
    const found: Posting[] = [];
    let last: Posting | undefined;
    for (const block of this.#occurrences.all(word)) {
      if (last?.block === block) last.count++;
      else found.push((last = { block, count: 1 }));
    }
    return found;
  }

  /** The blocks in which `second` stands right after `first`, by id. Words are quoted: nothing in them is read as a query. */
  following(first: string, second: string): number[] {
    const [one, other] = [first, second].map((word) => `"${word.replaceAll('"', '""')}"`);
    return this.#phrase.all(`${one} + ${other}`);
  }

  /** Words in each live block. */
  lengths(): Map<number, number> {
    return new Map(this.#lengths.all());
  }
}
