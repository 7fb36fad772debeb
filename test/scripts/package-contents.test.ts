import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { compare } from "../../scripts/package-extension.ts";
import { isTarget, nativeFiles, TARGET_NAMES, whyNot } from "../../scripts/package-targets.ts";
import { zipEntries } from "../../scripts/zip-entries.ts";
import { temporaryFolder } from "../support/folder.ts";

const list = readFileSync(fileURLToPath(new URL("../../scripts/package-contents.txt", import.meta.url)), "utf8");
const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

/** Files that fit every line of the list, for a target. */
function whole(target: "linux-x64"): { name: string }[] {
  const lines = list.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const natives = nativeFiles(target).map((file) => `extension/dist/node_modules/${file}`);
  return lines
    .flatMap((line) => (line === "{native}" ? natives : [line.replaceAll("*", "name")]))
    .map((name) => ({ name }));
}

test("a package with exactly what the list says is right", () => {
  expect(compare(whole("linux-x64"), "linux-x64", list)).toEqual([]);
});

test("a file of another platform, a source map or a missing library is found", () => {
  const library = "extension/dist/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1";
  const files = [
    ...whole("linux-x64").filter(({ name }) => name !== library),
    { name: "extension/dist/node_modules/better-sqlite3/prebuilds/win32-x64.node" },
    { name: "extension/dist/engine.js.map" },
  ];
  expect(compare(files, "linux-x64", list)).toEqual([
    "extension/dist/node_modules/better-sqlite3/prebuilds/win32-x64.node is not on the list",
    "extension/dist/engine.js.map is not on the list",
    `${library} is missing`,
  ]);
});

test("the native files of every target are in the installed packages", () => {
  for (const target of TARGET_NAMES.filter(isTarget))
    for (const file of nativeFiles(target)) expect(readFileSync(join(modules, file)).length).toBeGreaterThan(100_000);
});

test("the libraries bring WebGPU, but on Linux with ARM", () => {
  const has = (target: string) =>
    isTarget(target) &&
    nativeFiles(target).some((file) => readFileSync(join(modules, file)).includes("WebGPU device lost"));
  expect(TARGET_NAMES.filter((target) => !has(target))).toEqual(["linux-arm64"]);
});

test("a platform without a package gets the reason and the names of those that have one", () => {
  expect(whyNot("darwin-x64")).toContain("Intel");
  expect(whyNot("alpine-x64")).toContain("musl");
  expect(whyNot("web")).toContain("desktop VS Code or a remote");
  expect(whyNot("amiga")).toContain('"amiga" is no platform of VS Code');
  for (const name of ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64"]) {
    expect(isTarget(name)).toBe(true);
    expect(whyNot("web")).toContain(name);
  }
});

test("a zip archive's entries are read, and what is none is refused", () => {
  const path = join(temporaryFolder(), "a.zip");
  // An empty archive: the end of its directory alone.
  writeFileSync(path, Buffer.concat([Buffer.from("PK\x05\x06", "latin1"), Buffer.alloc(18)]));
  expect(zipEntries(path)).toEqual([]);
  writeFileSync(path, "no archive");
  expect(() => zipEntries(path)).toThrow("is no zip archive");
});
