/** Longer ones are hashes and data, not words; the postings keep only what someone may type. */
const MAX_WORD = 64;

/** Letters, digits and underscores; text without spaces between words (Han, kana) a character at a time. */
const RUN =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[\p{L}\p{N}_]+?(?=[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\p{L}\p{N}_]|$)/gu;

/** Humps of an identifier: "HTTPServer2" -> HTTP, Server, 2. */
const PART = /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+|\p{N}+|[^\p{Lu}\p{Ll}\p{N}_]+/gu;

/**
 * The words that a text is found by, in lower case and in order: every identifier whole and, where it is made of several
 * (camelCase, PascalCase, snake_case), its parts. Dots, dashes and slashes separate.
 */
export function codeWords(text: string): string[] {
  return (text.match(RUN) ?? []).flatMap(wordAndParts);
}

/** The words that a name is made of, in lower case: `parseHTTPHeader_v2` -> parse, http, header, v, 2. */
export function nameWords(name: string): string[] {
  return (name.match(PART) ?? []).map((part) => part.toLowerCase().slice(0, MAX_WORD));
}

/** Words as one key that is the same in whatever order they come. */
export function wordKey(words: readonly string[]): string {
  return [...new Set(words)].toSorted().join(" ");
}

function wordAndParts(run: string): string[] {
  const whole = run.toLowerCase().slice(0, MAX_WORD);
  const parts = run.match(PART) ?? [];
  // A name between underscores (`__init__`, `_cache`) is also found without them.
  if (parts.length === 0 || (parts.length === 1 && parts[0] === run)) return [whole];
  return [whole, ...parts.map((part) => part.toLowerCase().slice(0, MAX_WORD))];
}

/** Words that questions are made of whatever they are about. */
const QUESTION_WORDS = new Set(
  (
    "a an and any are as at be been by can could did do does doing for from give has have how i if in into is it its me my " +
    "of on or our please show should tell than that the their them then there these they this to us was we were what when " +
    "where which who whose why will with would you your"
  ).split(" "),
);

/** The words of a question that say what it is about, each once; all of its words where none would be left. */
export function questionWords(question: string): string[] {
  const words = [...new Set(codeWords(question))];
  const telling = words.filter((word) => !QUESTION_WORDS.has(word));
  return telling.length > 0 ? telling : words;
}

/** Words that are neighbours in a question, both of them telling, each pair once and in its order. */
export function questionPairs(question: string): [first: string, second: string][] {
  const telling = new Set(questionWords(question));
  const words = codeWords(question);
  const pairs = new Map<string, [string, string]>();
  words.forEach((second, i) => {
    const first = words[i - 1];
    if (first !== undefined && telling.has(first) && telling.has(second))
      pairs.set(`${first} ${second}`, [first, second]);
  });
  return [...pairs.values()];
}

/** Endings that English words take on, longest first; what is left of a word without them stands for all its forms. */
const ENDINGS = "ments ment ations ings ions ation ing ion ied ies ers ors ed er or es ly s e y".split(" ");
/** A stem has this many letters at least. */
const SHORTEST_STEM = 3;

/** A word without its ending, near enough to see that two words are forms of one: "parses", "parser", "parsing" -> "pars". */
export function wordStem(word: string): string {
  if (!/^[a-z]{4,}$/.test(word)) return word;
  const ending = ENDINGS.find((each) => word.endsWith(each) && word.length - each.length >= SHORTEST_STEM) ?? "";
  // "validation" is a form of "validate", "serialization" one of "serialize".
  const kept = ending.startsWith("ation") && !word.includes("ization") ? "at" : "";
  const stem = word.slice(0, word.length - ending.length) + kept;
  return stem.replace(/([b-df-hj-np-tv-z])\1$/, "$1");
}

/** The forms that a word may be found in, itself first; those that no text has cost a look each. */
export function wordForms(word: string): string[] {
  const stem = wordStem(word);
  if (stem === word && !/^[a-z]{3,}$/.test(word)) return [word];
  const doubled = stem + (stem.at(-1) ?? "");
  const made = ["", ...ENDINGS, "able", "izer", "ization"].flatMap((ending) => [stem + ending, doubled + ending]);
  return [...new Set([word, ...made])].filter((form) => form === word || wordStem(form) === stem);
}
