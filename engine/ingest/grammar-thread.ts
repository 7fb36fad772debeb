/** The thread in which files are parsed; started by `DefinitionFinder`, which ends it when a file takes it down or too long. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";

import { Language, Parser, Query } from "web-tree-sitter";

import { LANGUAGES } from "./definition-queries.ts";
import type { LanguageDefinitions } from "./definition-queries.ts";

/** What the thread is asked: the definitions in `text`, a file of the language whose grammar is named. */
export interface ParseRequest {
  grammar: string;
  text: string;
}

/** What the thread answers: "parsing" as soon as it begins with the text, then what it found. */
export type ParseReply = "parsing" | readonly Definition[];

/** A name that is defined in a file. */
export interface Definition {
  name: string;
  /** "function", "class" and so on: the captures in `definition-queries.ts`. */
  kind: string;
  /** Of the name, 1-based. */
  line: number;
}

/** The parser takes about 25 ms for 100 KB of code that people wrote; a file that takes so long, even on a busy machine, is an attack or damaged. */
const PARSE_MS = 2_000;

/** Everything that the parser may allocate. Some texts of a few hundred KB would take gigabytes otherwise. */
const MEMORY_PAGES = { initial: 512, maximum: 6144 }; // of 64 KiB: 32 to 384 MiB

/** More definitions than files have that people read; the rest of a longer file is found by words. */
const MAX_DEFINITIONS = 5_000;
const MAX_NAME = 100;

/** Matches in progress at once; only odd nestings need more, and then some definitions are missed. */
const MATCH_LIMIT = 4_096;

/** Node has it; the types of its library are in those of the browser, which this program must not know. */
declare const WebAssembly: { Memory: new (pages: typeof MEMORY_PAGES) => object };

/** A grammar, ready to parse. */
interface LoadedLanguage {
  language: Language;
  query: Query;
}

const loaded = new Map<string, LoadedLanguage>();

async function load({ grammar, query }: LanguageDefinitions): Promise<LoadedLanguage> {
  const known = loaded.get(grammar);
  if (known !== undefined) return known;
  if (loaded.size === 0) await Parser.init(moduleOptions());
  const language = await Language.load(wasmFile(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`));
  const fresh = { language, query: new Query(language, query) };
  loaded.set(grammar, fresh);
  return fresh;
}

/** Emscripten's options; the type lacks `wasmMemory`. */
function moduleOptions(): { locateFile: () => string; printErr: () => void; wasmMemory: object } {
  return {
    locateFile: () => wasmFile("web-tree-sitter/web-tree-sitter.wasm"),
    printErr: () => undefined, // that it aborts is also thrown
    wasmMemory: new WebAssembly.Memory(MEMORY_PAGES),
  };
}

/** The build copies the files beside the bundles; in the tree they are in `node_modules`. */
function wasmFile(specifier: string): string {
  const name = specifier.slice(specifier.lastIndexOf("/") + 1);
  const copy = fileURLToPath(new URL(`grammars/${name}`, import.meta.url));
  return existsSync(copy) ? copy : createRequire(import.meta.url).resolve(specifier);
}

/** The definitions of a text in file order; none where it cannot be parsed in time. */
function definitionsOf(text: string, { language, query }: LoadedLanguage): Definition[] {
  const parser = new Parser().setLanguage(language);
  const deadline = performance.now() + PARSE_MS;
  const isLate = (): boolean => performance.now() > deadline;
  const tree = parser.parse(text, null, { progressCallback: isLate });
  parser.delete();
  if (tree === null) return [];
  const captures = query.captures(tree.rootNode, { matchLimit: MATCH_LIMIT, progressCallback: isLate });
  const found: Definition[] = [];
  for (const { name: kind, node } of captures) {
    const name = plainName(node.text);
    if (name !== undefined) found.push({ name, kind, line: node.startPosition.row + 1 });
    if (found.length === MAX_DEFINITIONS) break;
  }
  tree.delete();
  return found;
}

/** Without the sigils of private fields and variables; undefined for computed and quoted names, and for what every class has. */
function plainName(text: string): string | undefined {
  const name = text.slice(0, MAX_NAME + 2).replace(/^[#$@]+/, "");
  const isPlain = name.length <= MAX_NAME && /^[\p{L}_$][\p{L}\p{N}_$]*[?!=]?$/u.test(name);
  return isPlain && !/^(?:constructor|__\w+__|__construct)$/.test(name) ? name : undefined;
}

async function answer({ grammar, text }: ParseRequest): Promise<Definition[]> {
  const language = LANGUAGES.find((each) => each.grammar === grammar);
  if (language === undefined) return [];
  const ready = await load(language);
  tell("parsing");
  return definitionsOf(text, ready);
}

function tell(message: ParseReply): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(message);
}

// What goes wrong is thrown on purpose: after a trap nothing in the module's memory can be trusted, so the thread ends.
parentPort?.on("message", (request: ParseRequest) => {
  void answer(request).then(tell);
});
