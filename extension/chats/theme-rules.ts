import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import type { SyntaxRule } from "../../webview/protocol/messages.ts";

/** Themes that include one another, and rules and characters of all of them: far more than any theme has. */
const DEEPEST = 8;
const MOST_RULES = 3000;
const LARGEST_FILE = 2 * 1024 * 1024;

const Text = v.pipe(v.string(), v.maxLength(1000));
const Rule = v.object({
  scope: v.optional(v.union([Text, v.pipe(v.array(Text), v.maxLength(500))])),
  settings: v.object({ foreground: v.optional(v.pipe(v.string(), v.regex(/^#[0-9a-f]{3,8}$/i))) }),
});

const Theme = v.object({
  include: v.optional(Text),
  tokenColors: v.optional(v.union([Text, v.pipe(v.array(v.unknown()), v.maxLength(MOST_RULES))])),
});

/** The colours of a theme's file for code, those of the files that it includes first. Rules that say nothing of a colour are left out. */
export async function themeRules(path: string, depth = 0): Promise<SyntaxRule[]> {
  const text = await readFile(path, "utf8");
  if (depth > DEEPEST || text.length > LARGEST_FILE) return [];
  const theme = v.safeParse(Theme, JSON.parse(withoutComments(text)));
  if (!theme.success) return [];
  const { include, tokenColors } = theme.output;
  const included = include === undefined ? [] : await themeRules(join(dirname(path), include), depth + 1);
  const own = Array.isArray(tokenColors) ? tokenColors.flatMap(ruleOf) : [];
  return [...included, ...own].slice(-MOST_RULES);
}

function ruleOf(value: unknown): SyntaxRule[] {
  const rule = v.safeParse(Rule, value);
  const color = rule.success ? rule.output.settings.foreground : undefined;
  if (!rule.success || color === undefined) return [];
  const { scope = [] } = rule.output;
  const scopes = typeof scope === "string" ? scope.split(",") : scope;
  return [{ scopes: scopes.map((each) => each.trim()), color }];
}

/** Theme files may have comments and commas at the end of lists, as JSON does not. */
function withoutComments(text: string): string {
  const tokens = /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\/|,(?=\s*[\]}])/g;
  return text.replace(tokens, (_, kept: string | undefined) => kept ?? "");
}
