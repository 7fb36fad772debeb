import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { citationTarget } from "../../extension/citation-target.ts";
import { temporaryFolder } from "../support/folder.ts";

test("a file of the folder is found", async () => {
  const folder = temporaryFolder({ "src/a.ts": "1" });
  expect(await citationTarget(folder, "src/a.ts")).toBe(join(folder, "src/a.ts"));
  expect(await citationTarget(folder, "src/../src/a.ts")).toBe(join(folder, "src/a.ts"));
});

test.each(["../secret.txt", "src/../../secret.txt", "..", "", ".", "/etc/passwd", "src/a.ts\0.txt", "missing.ts"])(
  "%j is refused",
  async (path) => {
    const parent = temporaryFolder({ "secret.txt": "s", "project/src/a.ts": "1" });
    expect(await citationTarget(join(parent, "project"), path)).toBeUndefined();
  },
);

test("links that lead out of the folder are refused", async () => {
  const parent = temporaryFolder({ "secret.txt": "s", "project/a.ts": "1" });
  const folder = join(parent, "project");
  symlinkSync(join(parent, "secret.txt"), join(folder, "inner.txt"));
  mkdirSync(join(parent, "outside"));
  symlinkSync(parent, join(folder, "up"), "junction");
  expect(await citationTarget(folder, "inner.txt")).toBeUndefined();
  expect(await citationTarget(folder, "up/secret.txt")).toBeUndefined();
});
