/** Shiki with the browser's own regular expressions. A file of its own in the bundle: a page without code never loads it. */
import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";

const PREFIX = "--syntax-";
const THEME = "vscode";

/** A piece of a line of code, and what kind of thing it is ("keyword", "string", …); undefined for what has no colour of its own. */
export interface Token {
  content: string;
  kind: string | undefined;
}

const highlighter: Promise<HighlighterCore> = createHighlighterCore({
  themes: [createCssVariablesTheme({ name: THEME, variablePrefix: PREFIX })],
  langs: [],
  // A rule of a grammar that the browser cannot express is left out rather than failing the whole.
  engine: createJavaScriptRegexEngine({ forgiving: true }),
});

/** Code as lines of tokens. `grammar` is loaded once. */
export async function tokenize(
  code: string,
  lang: string,
  grammar: Parameters<HighlighterCore["loadLanguage"]>[0],
): Promise<Token[][]> {
  const shiki = await highlighter;
  await shiki.loadLanguage(grammar);
  const { tokens } = shiki.codeToTokens(code, { lang, theme: THEME });
  return tokens.map((line) => line.map(({ content, color = "" }) => ({ content, kind: kindOf(color) })));
}

/** The theme's colours are variables: `var(--syntax-token-keyword)`. */
function kindOf(color: string): string | undefined {
  return /^var\(--syntax-token-([a-z-]+)\)$/.exec(color)?.[1];
}
