/**
 * GPT-2's reversible map from bytes to printable characters (`bytes_to_unicode` of openai/gpt-2 `encoder.py`):
 * printable Latin-1 stands for itself, the other 68 bytes for U+0100 onwards.
 */
const charOfByte: string[] = [];
const byteOfChar = new Map<string, number>();
let shifted = 0;
for (let byte = 0; byte < 256; byte++) {
  const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const char = String.fromCharCode(printable ? byte : 0x100 + shifted++);
  charOfByte.push(char);
  byteOfChar.set(char, byte);
}

const utf8 = new TextEncoder();

/** The UTF-8 bytes of `text`, each written as its GPT-2 character. */
export function toByteLevel(text: string): string {
  let out = "";
  for (const byte of utf8.encode(text)) out += charOfByte[byte];
  return out;
}

/** The bytes that a byte-level token stands for; a token with other characters stands for its own UTF-8. */
export function fromByteLevel(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfChar.get(token.charAt(i));
    if (byte === undefined) return utf8.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
