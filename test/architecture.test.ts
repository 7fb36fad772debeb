import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The layers of `engine/`, lowest first: a module imports its own layer and those before it. */
const engineLayers = [
  "protocol",
  "models",
  "tokenizer",
  "graph",
  "runtime",
  "store",
  "blocks",
  "retrieval",
  "memory",
  "inference",
  "ingest",
  "answer",
  "training",
  "loaded-model.ts",
  "workspace.ts",
  "engine.ts",
  "data-dir.ts",
  "parameters.ts",
  "server.ts",
  "child-process.ts",
  "cli",
  "main.ts",
  "cli.ts",
];

/** Packages that one folder alone may import. */
const fencedPackages: Record<string, string> = {
  "onnxruntime-node": "engine/runtime/",
  "better-sqlite3": "engine/store/",
  "web-tree-sitter": "engine/ingest/",
  vscode: "extension/",
};

/** Which folders code outside `engine/` may reach into, besides its own. */
const reach: Record<string, string[]> = {
  "extension/": ["engine/protocol/", "webview/protocol/"],
  "webview/": [],
  "engine/": [],
};

interface Source {
  /** Relative to the repository, with `/`. */
  path: string;
  text: string;
}

function sourcesIn(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).replaceAll("\\", "/"), text: readFileSync(path, "utf8") }));
}

const importPattern = /(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g;

/** What a source imports: tree paths for relative specifiers, package names for the others. */
function importsOf({ path, text }: Source): string[] {
  return [...text.matchAll(importPattern)].map(([, specifier = ""]) =>
    specifier.startsWith(".")
      ? relative(root, resolve(root, dirname(path), specifier)).replaceAll("\\", "/")
      : specifier,
  );
}

function layerOf(path: string): number {
  return engineLayers.indexOf(path.split("/")[1] ?? "");
}

const product = ["engine", "extension", "webview"].flatMap(sourcesIn);
const everything = [...product, ...["scripts", "test"].flatMap(sourcesIn)];

/** The imports of the product's sources for which `isBroken` answers true, as "importer -> imported". */
function broken(isBroken: (importer: string, imported: string) => boolean): string[] {
  return product.flatMap((source) =>
    importsOf(source)
      .filter((imported) => isBroken(source.path, imported))
      .map((imported) => `${source.path} -> ${imported}`),
  );
}

test("the sources are found, and so are their imports", () => {
  expect(product.length).toBeGreaterThan(10);
  expect(
    importsOf({ path: "engine/a/b.ts", text: 'import { x } from "../c/d.ts";\nawait import("node:fs");' }),
  ).toEqual(["engine/c/d.ts", "node:fs"]);
});

test("every module of engine/ belongs to a layer", () => {
  const strays = product.filter(({ path }) => path.startsWith("engine/") && layerOf(path) < 0);
  expect(strays.map(({ path }) => path)).toEqual([]);
});

test("a module of engine/ imports its own layer and those before it only", () => {
  const isUpward = (importer: string, imported: string): boolean => {
    if (!importer.startsWith("engine/") || !imported.startsWith("engine/")) return false;
    const sameFolder = importer.split("/")[1] === imported.split("/")[1];
    return !sameFolder && layerOf(imported) >= layerOf(importer);
  };
  expect(broken(isUpward)).toEqual([]);
});

test("a package with a native part, and vscode, is imported by one folder only", () => {
  const isOutside = (importer: string, imported: string): boolean =>
    Object.hasOwn(fencedPackages, imported) && !importer.startsWith(fencedPackages[imported] ?? "");
  expect(broken(isOutside)).toEqual([]);
});

test("extension/ knows of the engine only its protocol, webview/ knows only its messages, engine/ knows neither", () => {
  const isAbroad = (importer: string, imported: string): boolean => {
    const home = Object.keys(reach).find((folder) => importer.startsWith(folder)) ?? "";
    const isTreePath = /^(engine|extension|webview|test|scripts)\//.test(imported);
    return (
      isTreePath && !imported.startsWith(home) && !(reach[home] ?? []).some((folder) => imported.startsWith(folder))
    );
  };
  expect(broken(isAbroad)).toEqual([]);
});

test("no source is longer than 300 lines", () => {
  const long = everything.filter(({ text }) => text.trimEnd().split("\n").length > 300);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test("no source escapes the types, and none exports by default", () => {
  const escapes = /(?::|<|\bas)\s*any\b|\bas unknown as\b|@ts-(?:ignore|nocheck|expect-error)/;
  const found = everything.filter(({ path, text }) => {
    if (path === "test/architecture.test.ts") return false;
    const isDefault = /^export default\b/m.test(text);
    return (
      (isDefault && !path.endsWith("vitest.config.ts")) ||
      text.split("\n").some((line) => !/^\s*(\/\/|\/?\*)/.test(line) && escapes.test(line))
    );
  });
  expect(found.map(({ path }) => path)).toEqual([]);
});
