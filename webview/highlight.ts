/** Colours for blocks of code: shiki with the browser's own regular expressions, a grammar at a time, when its code is seen. */
import type { LanguageInput } from "shiki/core";
import type { SyntaxRule } from "./protocol/messages.ts";
import type { Token } from "./shiki.ts";

/** Longest code that is coloured, in UTF-16 units: no model of ours writes more in one block. */
const LONGEST = 100_000;

/** Each grammar is a file of its own, loaded when it is first needed. */
const GRAMMARS: Record<string, () => LanguageInput> = {
  typescript: () => import("shiki/langs/typescript.mjs"),
  tsx: () => import("shiki/langs/tsx.mjs"),
  python: () => import("shiki/langs/python.mjs"),
  json: () => import("shiki/langs/json.mjs"),
  shellscript: () => import("shiki/langs/shellscript.mjs"),
  rust: () => import("shiki/langs/rust.mjs"),
  go: () => import("shiki/langs/go.mjs"),
  java: () => import("shiki/langs/java.mjs"),
  c: () => import("shiki/langs/c.mjs"),
  csharp: () => import("shiki/langs/csharp.mjs"),
  css: () => import("shiki/langs/css.mjs"),
  yaml: () => import("shiki/langs/yaml.mjs"),
  toml: () => import("shiki/langs/toml.mjs"),
  sql: () => import("shiki/langs/sql.mjs"),
  diff: () => import("shiki/langs/diff.mjs"),
};

/** Other names that models write. C++ has C's colours: its own grammar is larger than all others together. */
const OTHER_NAMES: Record<string, string> = {
  typescript: "ts mts cts",
  tsx: "js jsx javascript mjs cjs",
  python: "py python3",
  json: "jsonc json5",
  shellscript: "sh bash shell zsh console",
  rust: "rs",
  go: "golang",
  c: "cpp c++ h hpp cc cxx",
  csharp: "cs c#",
  css: "scss less",
  yaml: "yml",
  diff: "patch",
};

const ALIASES = new Map(
  Object.entries(OTHER_NAMES).flatMap(([name, others]) =>
    others.split(" ").map((other): [string, string] => [other, name]),
  ),
);

/** Colours the code in an element when it comes into sight. Returns what gives that up. */
export function highlightWhenSeen(element: Element, rules: readonly SyntaxRule[]): (() => void) | undefined {
  const blocks = [...element.querySelectorAll(".code-block")];
  if (blocks.length === 0) return undefined;
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    for (const block of blocks) void highlight(block, rules);
  });
  observer.observe(element);
  return () => observer.disconnect();
}

async function highlight(block: Element, rules: readonly SyntaxRule[]): Promise<void> {
  const code = block.querySelector("code");
  const written = block.querySelector(".code-language")?.textContent.toLowerCase() ?? "";
  const language = ALIASES.get(written) ?? written;
  const grammar = GRAMMARS[language];
  const text = code?.textContent ?? "";
  if (!code || !grammar || text.length > LONGEST) return;
  const { tokenize } = await import("./shiki.ts");
  const lines = await tokenize(text, language, grammar(), rules);
  // Elements of our own making rather than shiki's HTML: its style attributes are forbidden here.
  code.replaceChildren(...lines.flatMap((line, index) => [...(index > 0 ? ["\n"] : []), ...line.map(colored)]));
}

function colored({ content, kind, color }: Token): Node | string {
  if (kind === undefined && color === undefined) return content;
  const span = document.createElement("span");
  span.className = `token${kind ? ` token-${kind}` : ""}`;
  if (color) span.style.color = color;
  span.textContent = content;
  return span;
}
