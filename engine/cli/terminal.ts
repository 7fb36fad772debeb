import type { Writable } from "node:stream";
import { styleText } from "node:util";
import type { RepoMemoryError } from "../protocol/errors.ts";

/** An output stream, of a terminal or not. */
export type OutputStream = Writable & { isTTY?: boolean };

/**
 * Everything that a terminal acts upon instead of showing it: control characters (escape sequences start with one) but
 * tab and line feed, and the marks that reorder text. What remains of a sequence is shown as the plain text it is.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of a model or a file name, made safe to show in a terminal; works chunk by chunk. */
export function printable(text: string): string {
  return text.replaceAll(/\r\n/g, "\n").replaceAll(unsafe, "");
}

/** JSON whose strings hold no raw control character either: the value is unchanged, the text is safe to show. */
function safeJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Results go to standard output, everything else to standard error; with `json`, standard output holds JSON alone. */
export class Terminal {
  readonly json: boolean;
  readonly stderr: OutputStream;
  readonly #stdout: OutputStream;

  constructor(stdout: OutputStream, stderr: OutputStream, json: boolean) {
    this.#stdout = stdout;
    this.stderr = stderr;
    this.json = json;
  }

  /** A piece of the result for people; nothing with `json`. */
  write(text: string): void {
    if (!this.json) this.#stdout.write(printable(text));
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  /** A line for people that is not part of the result. */
  note(text: string): void {
    this.stderr.write(`${styleText("dim", printable(text), { stream: this.stderr })}\n`);
  }

  /** The result for programs: one line of JSON. */
  object(value: unknown): void {
    this.#stdout.write(`${safeJson(value)}\n`);
  }

  /** What happened, what it means and what to do; with `json` also as an object `{error}`. */
  error(error: RepoMemoryError): void {
    const { code, message, meaning, remedy } = error.toPlain();
    if (this.json) this.object({ error: { code, message, meaning, remedy } });
    const name = styleText("red", "Error:", { stream: this.stderr });
    const rest = [meaning, remedy].filter((text) => text !== "");
    this.stderr.write(`${name} ${printable([message, ...rest].join("\n"))}\n`);
  }
}
