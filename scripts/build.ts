/**
 * Bundles the Node programs and the webview into `dist/`. Run by Node 24 directly: `node scripts/build.ts [--watch]`.
 * Types are checked elsewhere (`npm run -s check`); this only bundles, so that it takes under a second.
 */
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build, context, type BuildOptions } from "esbuild";

import { LANGUAGES } from "../engine/ingest/definition-queries.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const watch = process.argv.includes("--watch");

/** Packages with native files: they are loaded from `node_modules`, never bundled. */
const native = ["onnxruntime-node", "better-sqlite3"];

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  logLevel: "warning",
  sourcemap: "linked",
  legalComments: "external",
};

/** CommonJS packages inside an ES module bundle call `require` for Node's own modules. */
const requireShim = `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);`;

const { version }: { version: string } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

const node: BuildOptions = {
  ...shared,
  platform: "node",
  target: "node22",
  format: "esm",
  banner: { js: requireShim },
  define: { "process.env.REPO_MEMORY_VERSION": JSON.stringify(version) },
};

const bundles: BuildOptions[] = [
  {
    ...node,
    entryPoints: { extension: "extension/main.ts" },
    outdir: "dist",
    external: ["vscode"],
    // What VS Code waits for at its start.
    minify: !watch,
    keepNames: true,
  },
  {
    ...node,
    // The child process's main file, which its worker thread starts again (see `engine/main.ts`), the command line, and the
    // thread and the process in which both of them parse and try a GPU.
    entryPoints: {
      engine: "engine/main.ts",
      cli: "engine/cli.ts",
      "grammar-thread": "engine/ingest/grammar-thread.ts",
      "device-test": "engine/inference/device-test.ts",
    },
    outdir: "dist",
    external: native,
    // What is imported late stays in a file of its own, and so do the native packages: a process that only answers
    // pings never loads them.
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
  },
  {
    ...shared,
    platform: "browser",
    target: "chrome120",
    format: "esm",
    // A language's grammar is a file of its own, loaded when its code is first shown.
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    entryPoints: { main: "webview/main.tsx", chat: "webview/chat.css" },
    outdir: "dist/webview",
    loader: { ".ttf": "file", ".woff2": "file" },
    assetNames: "[name]",
    minify: !watch,
    jsx: "automatic",
    jsxImportSource: "preact",
  },
];

/** Grammars are data to the parser: they lie beside its bundle. */
function copyGrammars(): void {
  const { resolve } = createRequire(import.meta.url);
  mkdirSync(`${root}dist/grammars`, { recursive: true });
  copyFileSync(resolve("web-tree-sitter/web-tree-sitter.wasm"), `${root}dist/grammars/web-tree-sitter.wasm`);
  for (const { grammar } of LANGUAGES) {
    const name = `tree-sitter-${grammar}.wasm`;
    copyFileSync(resolve(`@vscode/tree-sitter-wasm/wasm/${name}`), `${root}dist/grammars/${name}`);
  }
}

copyGrammars();
for (const data of ["projections", "strategies"]) {
  const filter = (path: string) => !path.endsWith(".md");
  cpSync(`${root}engine/${data}`, `${root}dist/${data}`, { recursive: true, filter });
}
if (watch) {
  const contexts = await Promise.all(bundles.map((options) => context(options)));
  await Promise.all(contexts.map((each) => each.watch()));
  console.error("build: watching for changes");
} else {
  for (const folder of ["dist/chunks", "dist/webview/chunks"])
    rmSync(`${root}${folder}`, { recursive: true, force: true });
  await Promise.all(bundles.map((options) => build(options)));
}
