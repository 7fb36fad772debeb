import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { faultsOfProofs, provenRows } from "../../scripts/proofs.ts";
import { temporaryFolder } from "../support/folder.ts";

const table = `Text.

| feature | proof |
|---|---|
| one | \`test/a.test.ts\` › does one; also two; \`test/b.test.ts\` › does "two" |
| none | somebody said so |
`;

test("rows are read with their tests, whose titles may hold semicolons and quotes", () => {
  expect(provenRows(table)).toEqual([
    {
      cells: ["one", '`test/a.test.ts` › does one; also two; `test/b.test.ts` › does "two"'],
      proofs: [
        { file: "test/a.test.ts", title: "does one; also two" },
        { file: "test/b.test.ts", title: 'does "two"' },
      ],
    },
    { cells: ["none", "somebody said so"], proofs: [] },
  ]);
});

test("a test that is not there, or only in a comment, is told", () => {
  const root = temporaryFolder();
  mkdirSync(join(root, "test"));
  writeFileSync(join(root, "test/a.test.ts"), 'test("does one; also two", () => {});\n// it does "two"\n');
  const [row] = provenRows(table);
  if (!row) throw new Error("the table has a row");
  expect(faultsOfProofs(root, row)).toEqual(["test/b.test.ts is not there"]);
  writeFileSync(join(root, "test/b.test.ts"), '// does "two"\n');
  expect(faultsOfProofs(root, row)).toEqual(['test/b.test.ts has no test "does "two""']);
  writeFileSync(join(root, "test/b.test.ts"), "it('does \"two\"', () => {});\n");
  expect(faultsOfProofs(root, row)).toEqual([]);
});
