import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { themeRules } from "../../extension/chats/theme-rules.ts";

let folder = "";

function write(files: Record<string, string>): (name: string) => string {
  folder = mkdtempSync(join(tmpdir(), "repo-memory-theme-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a theme's colours come after those of the theme that it includes; comments are no part of it", async () => {
  const path = write({
    "base.json": '{ "tokenColors": [{ "settings": { "foreground": "#111111" } }] }',
    "theme.json": `{
      // what it builds on
      "include": "./base.json", /* "x": 1 */
      "tokenColors": [
        { "scope": "comment, string // no comment", "settings": { "foreground": "#abc", "fontStyle": "bold" } },
        { "scope": ["keyword"], "settings": { "fontStyle": "italic" } },
      ],
    }`,
  });
  expect(await themeRules(path("theme.json"))).toEqual([
    { scopes: [], color: "#111111" },
    { scopes: ["comment", "string // no comment"], color: "#abc" },
  ]);
});

test("what is no colour is left out, and themes that include each other end", async () => {
  const path = write({
    "loop.json":
      '{ "include": "loop.json", "tokenColors": [{ "settings": { "foreground": "red;background:url(x)" } }, 5, null] }',
    "other.json": '{ "tokenColors": "./x.tmTheme" }',
  });
  expect(await themeRules(path("loop.json"))).toEqual([]);
  expect(await themeRules(path("other.json"))).toEqual([]);
});
