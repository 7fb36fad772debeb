/**
 * Guards keep a text that people or files supply from being read as markup once a chat template has put it between the
 * markup: a special token's name inside it is broken by a guard, which `Tokenizer.encodeTemplate` takes out again after
 * it has found the special tokens. U+FDD0 and U+FDD1 are noncharacters, reserved for use inside a program; where a text
 * has them all the same, they are written as a guard and a digit.
 */
const GUARD = "\uFDD0";
const BREAK = `${GUARD}.`;

/** Stands where the memory goes while a template is rendered; no guarded text contains it. */
export const MEMORY_MARK = "\uFDD1";

/** `text` with every guard and mark escaped and each of `specials` broken. */
export function guardLiteral(text: string, specials: readonly string[]): string {
  let out = text.replaceAll(GUARD, `${GUARD}0`).replaceAll(MEMORY_MARK, `${GUARD}1`);
  for (const special of specials) {
    const [head = ""] = special;
    out = out.replaceAll(special, () => head + BREAK + special.slice(head.length));
  }
  return out;
}

/** The text that `guardLiteral` was given. */
export function removeGuards(text: string): string {
  if (!text.includes(GUARD)) return text;
  return text.replace(/\uFDD0([.01])/gu, (_, code: string) => (code === "." ? "" : code === "0" ? GUARD : MEMORY_MARK));
}
