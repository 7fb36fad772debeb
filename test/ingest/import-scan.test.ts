import { expect, test } from "vitest";

import { importedPaths } from "../../engine/ingest/import-scan.ts";

test.each([
  ["src/a.ts", 'import { b } from "./b.ts";\nimport "../lib/c";\nimport x from "vscode";', ["src/b.ts", "lib/c.ts"]],
  ["src/a.ts", 'export * from "./b.js";\nconst c = await import("./c");', ["src/b.ts", "src/c/index.ts"]],
  ["a.cjs", "const b = require('./b')", ["b.js", "b/index.cjs"]],
  ["pkg/a.py", "from .b import c\nfrom ..d.e import f\nimport pkg.g as h", ["pkg/b.py", "d/e/__init__.py", "pkg/g.py"]],
  ["pkg/a.py", "from . import b\n    from src_only import c", ["pkg/__init__.py", "src/src_only.py"]],
  ["src/a.c", '#include <stdio.h>\n#  include "b/c.h"', ["src/b/c.h", "include/b/c.h"]],
  ["src/lib.rs", "pub mod parse;\npub(crate) mod lex;\nmod tests {", ["src/parse.rs", "src/lex/mod.rs"]],
])("%s names what it imports", (path, text, expected) => {
  const found = importedPaths(path, text);
  for (const target of expected) expect(found).toContain(target);
  expect(found.filter((target) => target.includes("vscode") || target.includes("stdio"))).toEqual([]);
});

test("nothing outside the folder is named, nor by other kinds of files, and there is an end", () => {
  expect(importedPaths("a.ts", 'import "../../etc/passwd";')).toEqual([]);
  expect(importedPaths("a.md", 'from "./b.ts"')).toEqual([]);
  const many = Array.from({ length: 5_000 }, (_, i) => `import "./f${i}";`).join("\n");
  expect(importedPaths("a.ts", many).length).toBeLessThan(200 * 25);
});
