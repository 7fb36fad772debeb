import { expect, test } from "vitest";

import { gatherSources, type SourceOptions } from "../../engine/training/sources.ts";
import { temporaryFolder } from "../support/folder.ts";

const CODE = "export const answer = 42;\n";

async function gathered(folder: string, options: SourceOptions = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { project, path } of gatherSources([folder], options)) found.push(`${project}: ${path}`);
  return found.map((each) => each.replace(/^repo-memory-test-[^:]*/, "own")).toSorted();
}

test("a folder's own sources come first, then those of the packages that it depends on, without tests and prose", async () => {
  const folder = temporaryFolder({
    "src/a.ts": CODE,
    "README.md": "# About",
    "test/a.test.ts": CODE,
    "ignored/b.ts": CODE,
    ".gitignore": "ignored/\nnode_modules/\n",
    "node_modules/left/index.js": CODE,
    "node_modules/left/node_modules/inner/index.js": CODE,
    "node_modules/@scope/right/lib/main.js": CODE,
    "node_modules/.bin/tool.js": CODE,
    ".venv/lib/python3.12/site-packages/snake/core.py": "ANSWER = 42\n",
    ".venv/lib/python3.12/site-packages/snake-1.0.dist-info/x.py": "ANSWER = 42\n",
  });
  expect(await gathered(folder)).toEqual([
    "@scope/right: lib/main.js",
    "left: index.js",
    "own: src/a.ts",
    "snake: core.py",
  ]);
  expect(await gathered(folder, { exclude: ["left", "snake"] })).toEqual([
    "@scope/right: lib/main.js",
    "own: src/a.ts",
  ]);
});

test("secrets are not read, and gathering can be stopped", async () => {
  const folder = temporaryFolder({ "a.ts": CODE, "private/b.ts": CODE });
  expect(await gathered(folder, { secretPatterns: ["private/"] })).toEqual(["own: a.ts"]);
  await expect(gathered(folder, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
});
