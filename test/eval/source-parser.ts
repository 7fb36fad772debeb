/** Parses whole files of trusted packages with tree-sitter, for what evaluations need beyond the engine's own definitions. */
import { createRequire } from "node:module";
import { Language, type Node, Parser } from "web-tree-sitter";
import { languageOf } from "../../engine/ingest/definition-queries.ts";

const parsers = new Map<string, Parser>();

/** Calls `reading` with the root of a file's syntax tree and the grammar's name; undefined where the language is not known. */
export async function withSyntaxTree<T>(
  path: string,
  text: string,
  reading: (root: Node, grammar: string) => T,
): Promise<T | undefined> {
  const grammar = languageOf(path)?.grammar;
  if (grammar === undefined) return undefined;
  const tree = (await parserOf(grammar)).parse(text);
  if (tree === null) return undefined;
  try {
    return reading(tree.rootNode, grammar);
  } finally {
    tree.delete();
  }
}

async function parserOf(grammar: string): Promise<Parser> {
  const known = parsers.get(grammar);
  if (known !== undefined) return known;
  const resolve = (file: string): string => createRequire(import.meta.url).resolve(file);
  if (parsers.size === 0) await Parser.init({ locateFile: () => resolve("web-tree-sitter/web-tree-sitter.wasm") });
  const language = await Language.load(resolve(`@vscode/tree-sitter-wasm/wasm/tree-sitter-${grammar}.wasm`));
  const parser = new Parser().setLanguage(language);
  parsers.set(grammar, parser);
  return parser;
}
