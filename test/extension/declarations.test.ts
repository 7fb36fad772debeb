import { expect, test } from "vitest";
import {
  declarationIn,
  enclosingDeclaration,
  isImport,
  lastLineOf,
  wordIndex,
} from "../../extension/explain/declarations.ts";

test.each([
  ["export async function loadConfig(env: Env): Config {", "loadConfig", "function"],
  ["  const handle = async (request) => {", "handle", "function"],
  ["export const DEFAULT_PORT = 8734;", "DEFAULT_PORT", "constant"],
  ["  async open(door: Door): Promise<void> {", "open", "function"],
  ["  #close() {", "close", "function"],
  ["class Parcel extends Base:", "Parcel", "class"],
  ["    def find_parcel(self, path):", "find_parcel", "function"],
  ["pub(crate) fn new(port: u16) -> Self {", "new", "function"],
  ["func (s *Server) Start(port int) error {", "Start", "function"],
  ["int main(int argc, char **argv) {", "main", "function"],
  ["    public static String nameOf(Parcel parcel) {", "nameOf", "function"],
  ["export interface Config {", "Config", "interface"],
  ["BERTHS = 48213", "BERTHS", "constant"],
  ["def self.build(options)", "build", "function"],
  ["sub trim { ", "trim", "function"],
  ["(defun greet (name)", "greet", "function"],
])("%s", (line, name, kind) => {
  expect(declarationIn(line)).toEqual({ name, kind });
});

test.each([
  "  return loadConfig(env);",
  "loadConfig(process.env);",
  "if (ready) {",
  "} else if (last) {",
  '  describe("parcels", () => {',
  "    catch (error) {",
  "a == b",
  "x => x",
  "",
])("declares nothing: %s", (line) => {
  expect(declarationIn(line)).toBeUndefined();
});

test("a hostile line is read in a moment", () => {
  expect(declarationIn(`${"a ".repeat(490)}(`)).toEqual({ name: "a", kind: "function" });
  expect(declarationIn(`${"a.".repeat(490)}x`)).toBeUndefined();
  expect(declarationIn(`export ${"pub( ".repeat(190)}`)).toEqual({ name: "pub", kind: "function" });
  expect(declarationIn(`const ${"a".repeat(2_000)} = 1`)).toBeUndefined();
});

test("a name is a word, and may hold a dollar", () => {
  expect(wordIndex("const reload = load;", "load")).toBe(15);
  expect(wordIndex("$store.load$()", "load")).toBe(-1);
  expect(wordIndex("a $el b", "$el")).toBe(2);
});

test("imports are told from uses, in several languages", () => {
  const imports = [
    'import { a } from "./a.ts";',
    "from a import b",
    "use crate::a;",
    "#include <a.h>",
    "using A.B;",
    'const a = require("a");',
  ];
  expect(imports.filter((line) => !isImport(line))).toEqual([]);
  expect(["a();", "importAll();", "user = a"].filter(isImport)).toEqual([]);
});

const CODE = `class Depot:
    def open(self):
        if self.door:
            self.door.open()

        return True

    def close(self):
        pass

depot = Depot()`.split("\n");

test("what is around a line is found by its indentation", () => {
  expect(enclosingDeclaration(CODE, 3)?.name).toBe("open");
  expect(enclosingDeclaration(CODE, 1)?.name).toBe("Depot");
  expect(enclosingDeclaration(CODE, 10)).toBeUndefined();
});

test("a body ends where its indentation does, or at its bracket", () => {
  expect(lastLineOf(CODE, 1)).toBe(5);
  expect(lastLineOf(CODE, 0)).toBe(8);
  const braces = ["function f(", "  a,", ") {", "  return a;", "}", "f();"];
  expect(lastLineOf(braces, 0)).toBe(4);
  expect(lastLineOf(["const a = 1;", "const b = 2;"], 0)).toBe(0);
});
