import type { Connection } from "./connection.ts";

/** A name that a segment defines. */
export interface NewSymbol {
  name: string;
  /** What the name is made of: distinct words in lower case, sorted, with spaces between. */
  words: string;
  kind: string;
  /** Counted from 0 at the segment's first line. */
  line: number;
}

/** A name and the block in which it is defined. */
export interface StoredSymbol {
  block: number;
  name: string;
  kind: string;
}

/** More definitions of one name than anyone can mean; such a name tells nothing. */
const MAX_FOUND = 64;

/** The names that live blocks define. */
export class SymbolTable {
  readonly #insert;
  readonly #remove;
  readonly #named;
  readonly #madeOf;
  readonly #segments;
  readonly #blocksOf;

  constructor(connection: Connection) {
    this.#insert = connection.prepare<[NewSymbol & { lower: string; segment: number }]>(
      `INSERT INTO symbols (block, name, lower, words, kind, line)
       SELECT id, :name, :lower, :words, :kind, :line FROM blocks
       WHERE segment = :segment AND end_line >= :line ORDER BY ordinal LIMIT 1`,
    );
    this.#remove = connection.prepare<[number]>(
      "DELETE FROM symbols WHERE block IN (SELECT id FROM blocks WHERE segment = ?)",
    );
    const found = (column: string): string =>
      `SELECT DISTINCT block, name, kind FROM symbols WHERE ${column} = ? ORDER BY block LIMIT ${MAX_FOUND}`;
    this.#named = connection.prepare<[string], StoredSymbol>(found("lower"));
    this.#madeOf = connection.prepare<[string], StoredSymbol>(found("words"));
    this.#blocksOf = connection
      .prepare<[string], number>("SELECT DISTINCT block FROM symbols WHERE kind IN (SELECT value FROM json_each(?))")
      .pluck();
    this.#segments = connection
      .prepare<[], number>("SELECT DISTINCT b.segment FROM symbols s JOIN blocks b ON b.id = s.block")
      .pluck();
  }

  /** The blocks that define something of these kinds. */
  blocksOf(kinds: readonly string[]): number[] {
    return this.#blocksOf.all(JSON.stringify(kinds));
  }

  /** Makes these the names that a segment defines; each belongs to the block that holds its line. */
  put(segment: number, symbols: readonly NewSymbol[]): void {
    this.remove(segment);
    for (const symbol of symbols) this.#insert.run({ ...symbol, lower: symbol.name.toLowerCase(), segment });
  }

  remove(segment: number): void {
    this.#remove.run(segment);
  }

  /** Definitions of a name, in whatever case it is written. */
  named(name: string): StoredSymbol[] {
    return this.#named.all(name.toLowerCase());
  }

  /** Definitions of names that are made of exactly these words (see `NewSymbol.words`). */
  madeOf(words: string): StoredSymbol[] {
    return this.#madeOf.all(words);
  }

  /** The segments that define something. */
  segments(): number[] {
    return this.#segments.all();
  }
}
