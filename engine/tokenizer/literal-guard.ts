/**
 * Guards keep a text that people or files supply from being read as markup once a chat template has put it between the
 * markup: the first character of a special token's name is written as its code between a guard and ";", and
 * `Tokenizer.encodeTemplate` brings it back after it has found the special tokens. U+FDD0 and U+FDD1 are
 * noncharacters, reserved for use inside a program; where a text has them all the same, they are written as codes too.
 */
const GUARD = "\uFDD0";

/** Stands where the memory goes while a template is rendered; no guarded text contains it. */
export const MEMORY_MARK = "\uFDD1";

/** `text` without any of `specials`, guards and marks: they are written as codes. */
export function guardLiteral(text: string, specials: readonly string[]): string {
  let out = text.replace(/[\uFDD0\uFDD1]/gu, asCode);
  for (const special of specials) {
    const head = String.fromCodePoint(special.codePointAt(0) ?? 0);
    out = out.replaceAll(special, () => asCode(head) + special.slice(head.length));
  }
  return out;
}

function asCode(char: string): string {
  return `${GUARD}${(char.codePointAt(0) ?? 0).toString(16)};`;
}

/** The text that `guardLiteral` was given. */
export function removeGuards(text: string): string {
  if (!text.includes(GUARD)) return text;
  return text.replace(/\uFDD0([0-9a-f]{1,5});/gu, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)));
}
