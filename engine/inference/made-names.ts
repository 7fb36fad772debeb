/** Names for code that nobody wrote: each has an invented word in it, so that no model has met it. */
import { createRandom } from "./random.ts";

/** A name as its words, all lower case: the language decides how they are joined. */
export type Words = readonly string[];

const ONSETS = ["b", "br", "d", "dr", "f", "g", "k", "kl", "l", "m", "n", "p", "pr", "r", "s", "t", "tr", "v", "z"];
const VOWELS = ["a", "e", "i", "o", "u"];
const CODAS = ["l", "m", "n", "r", "sk", "t", "x", "nd", "lf", ""];

/** Draws from one seed. */
export class NameMaker {
  readonly #random: () => number;
  readonly #given = new Set<string>();
  readonly #topics: readonly string[];

  /** @param topics how many invented words there are to choose from */
  constructor(seed: number, topics: number) {
    this.#random = createRandom(seed);
    this.#topics = Array.from({ length: topics }, () => this.#invent());
  }

  /** An integer in [from, to]. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from + 1));
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.integer(0, choices.length - 1)] ?? choices[0];
  }

  /** One of the invented words. */
  topic(): string {
    return this.#of(this.#topics);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const keyed = items.map((item) => ({ item, key: this.#random() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  }

  /** A name that `make` draws; drawn again until it was not given before. */
  unique(make: () => Words): Words {
    for (;;) {
      const words = make();
      const key = words.join(" ");
      if (this.#given.has(key)) continue;
      this.#given.add(key);
      return words;
    }
  }

  /** A word of two syllables. */
  #invent(): string {
    const syllable = () => this.#of(ONSETS) + this.#of(VOWELS) + this.#of(CODAS);
    return syllable() + syllable();
  }

  #of(choices: readonly string[]): string {
    return choices[this.integer(0, choices.length - 1)] ?? "";
  }
}

export function snake(words: Words): string {
  return words.join("_");
}

export function upper(words: Words): string {
  return snake(words).toUpperCase();
}

export function pascal(words: Words): string {
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

export function camel([first = "", ...rest]: Words): string {
  return first + pascal(rest);
}
