import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const MCP = /node_modules\/(?:@modelcontextprotocol|zod|ajv)\//;

/** What a program is bundled from, as `scripts/build.ts` does it; nothing is written. */
async function bundled(entry: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    outdir: ".cache/unwritten",
    external: ["vscode", "onnxruntime-node", "better-sqlite3"],
    loader: { ".ttf": "file" },
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  return metafile;
}

/** Sources that a program loads as it starts: those of its own file, and of files that it imports at once. */
function loadedAtStart({ outputs }: Metafile, entry: string): string[] {
  const start = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === entry);
  const loaded = new Set<string>();
  const add = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { path: other, kind } of outputs[path]?.imports ?? []) if (kind === "import-statement") add(other);
  };
  if (start !== undefined) add(start);
  return [...loaded].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}));
}

test("the MCP libraries are in nobody's bundle but the command line's, and loaded by its own command alone", async () => {
  for (const entry of ["extension/main.ts", "engine/main.ts"])
    expect(Object.keys((await bundled(entry)).inputs).filter((path) => MCP.test(path))).toEqual([]);
  const cli = await bundled("engine/cli.ts");
  expect(Object.keys(cli.inputs).some((path) => MCP.test(path))).toBe(true);
  const atStart = loadedAtStart(cli, "engine/cli.ts");
  expect(atStart).toContain("engine/cli/mcp/mcp-command.ts");
  expect(atStart.filter((path) => MCP.test(path))).toEqual([]);
});
