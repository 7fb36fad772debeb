/**
 * Notes every connection that the process tries to make, at the binding that all of Node's own modules go through, and every name that it
 * looks up. Loaded before anything else, with `--import`; the file's name stands in `REPO_MEMORY_TEST_NETWORK`.
 */
import dns from "node:dns";
import { appendFileSync } from "node:fs";

/** A connection or look-up that was tried; "watched" says that a process is looked at from now on. */
export interface Attempt {
  pid: number;
  argv: string[];
  kind: "tcp" | "udp" | "name" | "watched";
  /** Address and port, or the name. */
  target: string;
  /** Who tried. */
  stack?: string;
}

type Call = (this: unknown, ...given: unknown[]) => unknown;

/** Where attempts are noted; undefined when nobody asks. */
export const watchedFile = process.env["REPO_MEMORY_TEST_NETWORK"];

function note(kind: Attempt["kind"], target: string): void {
  const stack = new Error("tried").stack?.split("\n").slice(3, 12).join("\n") ?? "";
  const attempt: Attempt = { pid: process.pid, argv: process.argv.slice(1, 4), kind, target, stack };
  if (watchedFile !== undefined) appendFileSync(watchedFile, `${JSON.stringify(attempt)}\n`);
}

/** Puts a note before each of the functions; one that is not there would leave a hole, so that is an error. */
function hook(owner: object, names: readonly string[], kind: Attempt["kind"]): void {
  for (const name of names) {
    const original: Call | undefined = Reflect.get(owner, name);
    if (original === undefined) throw new Error(`This Node has no ${name} to look at.`);
    const hooked: Call = function (...given) {
      note(kind, given.filter((each) => typeof each === "string" || typeof each === "number").join(":"));
      return original.apply(this, given);
    };
    Reflect.set(owner, name, hooked);
  }
}

function prototypeOf(binding: string, name: string): object {
  const load: (name: string) => Record<string, { prototype: object }> = Reflect.get(process, "binding").bind(process);
  const found = load(binding)[name];
  if (found === undefined) throw new Error(`This Node has no ${binding}.`);
  return found.prototype;
}

if (watchedFile !== undefined) {
  hook(prototypeOf("tcp_wrap", "TCP"), ["connect", "connect6"], "tcp");
  hook(prototypeOf("udp_wrap", "UDP"), ["connect", "connect6", "send", "send6"], "udp");
  hook(dns, ["lookup", "resolve", "resolve4", "resolve6"], "name");
  hook(dns.promises, ["lookup", "resolve", "resolve4", "resolve6"], "name");
  note("watched", "");
}
