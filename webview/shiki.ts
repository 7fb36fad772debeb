/** Shiki with the browser's own regular expressions. A file of its own in the bundle: a page without code never loads it. */
import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore } from "shiki/core";
import { createJavaScriptRegexEngine } from "shiki/engine/javascript";
import type { SyntaxRule } from "./protocol/messages.ts";

/** A piece of a line of code: the theme's colour for it, or where the theme is not known, what kind of thing it is ("keyword", "string", …). */
export interface Token {
  content: string;
  color: string | undefined;
  kind: string | undefined;
}

type Grammar = Parameters<HighlighterCore["loadLanguage"]>[0];

/** The colours where the theme's are not known: variables of chat.css. */
const VARIABLES = "variables";

const highlighter: Promise<HighlighterCore> = createHighlighterCore({
  themes: [createCssVariablesTheme({ name: VARIABLES, variablePrefix: "--syntax-" })],
  langs: [],
  // A rule of a grammar that the browser cannot express is left out rather than failing the whole.
  engine: createJavaScriptRegexEngine({ forgiving: true }),
});

/** Themes by their rules: VS Code's are told anew whenever the theme changes. */
const themes = new Map<readonly SyntaxRule[], Promise<string>>();

/** Code as lines of tokens, in the colours of `rules`. `grammar` is loaded once. */
export async function tokenize(
  code: string,
  lang: string,
  grammar: Grammar,
  rules: readonly SyntaxRule[],
): Promise<Token[][]> {
  const shiki = await highlighter;
  const theme = await themeFor(shiki, rules);
  await shiki.loadLanguage(grammar);
  const { tokens } = shiki.codeToTokens(code, { lang, theme });
  return tokens.map((line) => line.map(({ content, color = "" }) => ({ content, ...colorOf(color) })));
}

async function themeFor(shiki: HighlighterCore, rules: readonly SyntaxRule[]): Promise<string> {
  if (rules.length === 0) return VARIABLES;
  const known = themes.get(rules) ?? loadTheme(shiki, `theme-${themes.size}`, rules);
  themes.set(rules, known);
  return known;
}

async function loadTheme(shiki: HighlighterCore, name: string, rules: readonly SyntaxRule[]): Promise<string> {
  const settings = rules.map(({ scopes, color }) => ({ scope: scopes, settings: { foreground: color } }));
  // What no rule is about keeps the editor's own colour, which `colorOf` leaves out.
  await shiki.loadTheme({ name, settings, fg: PLAIN, bg: PLAIN });
  return name;
}

const PLAIN = "#010203";

function colorOf(color: string): Pick<Token, "color" | "kind"> {
  const kind = /^var\(--syntax-token-([a-z-]+)\)$/.exec(color)?.[1];
  const isOwn = /^#[0-9a-f]{3,8}$/i.test(color) && color.toLowerCase() !== PLAIN;
  return { kind, color: isOwn ? color : undefined };
}
