/**
 * Bundles the three Node programs and the webview into `dist/`. Run by Node 24 directly: `node scripts/build.ts [--watch]`.
 * Types are checked elsewhere (`npm run -s check`); this only bundles, so that it takes under a second.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, context, type BuildOptions as AnyBuildOptions } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const watch = process.argv.includes("--watch");

/** Packages with native files: they are loaded from `node_modules`, never bundled. */
const native = ["onnxruntime-node", "better-sqlite3"];

type BuildOptions = AnyBuildOptions & { entryPoints?: Record<string, string> };

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

function nodeProgram(name: string, entry: string, external: string[]): BuildOptions {
  return { ...node, entryPoints: { [name]: entry }, outdir: "dist", external };
}

const bundles: BuildOptions[] = [
  nodeProgram("extension", "extension/main.ts", ["vscode"]),
  // The child process's main file; its worker thread starts the same file again (see `engine/main.ts`).
  nodeProgram("engine", "engine/main.ts", native),
  nodeProgram("cli", "engine/cli.ts", native),
  {
    ...shared,
    platform: "browser",
    target: "chrome120",
    format: "esm",
    entryPoints: { main: "webview/main.tsx", chat: "webview/chat.css" },
    outdir: "dist/webview",
    loader: { ".ttf": "file", ".woff2": "file" },
    assetNames: "[name]",
    minify: !watch,
    jsx: "automatic",
    jsxImportSource: "preact",
  },
];

/** While parts of the tree are being written, a program whose entry is not there yet is left out, and said so. */
function isPresent({ entryPoints }: BuildOptions): boolean {
  const missing = Object.values(entryPoints ?? {}).filter((entry) => !existsSync(root + entry));
  for (const entry of missing) console.error(`build: left out ${entry}: no such file`);
  return missing.length === 0;
}

const present = bundles.filter(isPresent);
if (watch) {
  const contexts = await Promise.all(present.map((options) => context(options)));
  await Promise.all(contexts.map((each) => each.watch()));
  console.error("build: watching for changes");
} else {
  await Promise.all(present.map((options) => build(options)));
}
