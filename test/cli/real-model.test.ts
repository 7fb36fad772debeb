import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { temporaryDataDir } from "../support/engine-data.ts";
import { temporaryFolder } from "../support/folder.ts";
import { testModelPath } from "../support/model.ts";

const program = fileURLToPath(new URL("../../engine/cli.ts", import.meta.url));

const files = {
  "src/settings.ts": "/** The port that the server listens on. */\nexport const PORT = 8123;\n",
  "src/greeting.ts": 'export function greet(name: string): string {\n  return "Good morning, " + name;\n}\n',
  "README.md": "# Lighthouse\n\nA small server that greets people by their names.\n",
  ".env": "SECRET=1\n",
};

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line in a process of its own, as a user does; `onError` sees standard error as it comes. */
async function cli(data: string, args: string[], onError = (_text: string, _pid: number): void => {}): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args, "--data", data, "--model", testModelPath()], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  child.stderr.on("data", (chunk: Buffer) => onError(chunk.toString(), child.pid ?? 0));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

describe("the command line with the real model", () => {
  test("reads a folder, answers from it, finds, counts and forgets", async () => {
    const [folder, data] = [temporaryFolder(files), temporaryDataDir()];
    const ingested = JSON.parse((await cli(data, ["ingest", folder, "--json"])).stdout);
    expect(ingested).toMatchObject({ files: 3, skipped: [{ path: ".env" }] });
    expect(ingested.encodedTokens).toBe(ingested.tokens);

    const asked = await cli(data, ["ask", folder, "Which port does the server listen on?", "--json"]);
    const answer = JSON.parse(asked.stdout);
    expect(asked.code).toBe(0);
    expect(answer.answer).toContain("8123");
    expect(answer.citations[0]).toMatchObject({ path: "src/settings.ts", startLine: 1, endLine: 2 });
    expect(answer.tokens.generated).toBeGreaterThan(0);
    expect(answer.timing.totalMs).toBeGreaterThanOrEqual(answer.timing.firstTokenMs);

    const recalled = JSON.parse((await cli(data, ["recall", folder, "greet a name", "--top", "1", "--json"])).stdout);
    expect(recalled.blocks).toMatchObject([{ path: "src/greeting.ts" }]);

    const again = JSON.parse((await cli(data, ["ingest", folder, "--json"])).stdout);
    expect(again).toMatchObject({ files: 3, tokens: ingested.tokens, encodedTokens: 0 });

    expect(JSON.parse((await cli(data, ["forget", folder, "src", "--json"])).stdout)).toMatchObject({ files: 2 });
    const status = JSON.parse((await cli(data, ["status", folder, "--json"])).stdout);
    expect(status).toMatchObject({ files: 1 });
  });

  test("asks a folder that was never read, and streams the same answer again", async () => {
    const [folder, data] = [temporaryFolder(files), temporaryDataDir()];
    const first = await cli(data, ["ask", folder, "Which port does the server listen on?"]);
    const second = await cli(data, ["ask", folder, "Which port does the server listen on?"]);
    expect(first.stderr).toContain("into memory first");
    expect(second.stderr).not.toContain("into memory first");
    expect(first.stdout).toContain("8123");
    expect(first.stdout).toMatch(/^Sources\n {2}src\/settings\.ts:1-2 /m);
    expect(second.stdout).toBe(first.stdout);
  });

  test("answers from what was read in the time that there was, and says how much that is", async () => {
    const source = (i: number) =>
      Array.from({ length: 60 }, (_, j) => `export const v${i}_${j} = ${i * j};\n`).join("");
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}.ts`, source(i)]));
    const [folder, data] = [temporaryFolder(many), temporaryDataDir()];
    const { code, stderr } = await cli(data, ["ask", folder, "What is v0_1?", "--max-tokens", "8", "--read-for", "2"]);
    expect(code).toBe(0);
    expect(stderr).toContain("Read for 2 s");
    expect(stderr).toMatch(/Read so far: \d\d? %/);
    const status = JSON.parse((await cli(data, ["status", folder, "--json"])).stdout);
    expect(status.files).toBeLessThan(200);
    // Asked for again, it goes on with what is left.
    const later = await cli(data, ["ask", folder, "What is v0_1?", "--max-tokens", "8", "--read-for", "2"]);
    expect(later.code).toBe(0);
    const after = JSON.parse((await cli(data, ["status", folder, "--json"])).stdout);
    expect(after.files).toBeGreaterThan(status.files);
  });

  test("Ctrl-C ends an ingestion with 130; the next one takes it up", async () => {
    const many = Array.from({ length: 24 }, (_, i) => [`f${i}.ts`, `export const v${i} = [${"1, ".repeat(100)}];\n`]);
    const [folder, data] = [temporaryFolder(Object.fromEntries(many)), temporaryDataDir()];
    const interrupted = await cli(data, ["ingest", folder, "--json"], (said, pid) => {
      if (said.includes("Reading")) process.kill(pid, "SIGINT");
    });
    expect(interrupted).toMatchObject({ code: 130, stdout: "" });
    const finished = JSON.parse((await cli(data, ["ingest", folder, "--json"])).stdout);
    expect(finished.files).toBe(24);
  });

  test("a model that is not there is a failure that says how to name one", async () => {
    const child = spawn(process.execPath, [program, "ingest", temporaryFolder(files), "--model", "/no/such.gguf"]);
    const [stderr] = await Promise.all([text(child.stderr), once(child, "close")]);
    expect(child.exitCode).toBe(1);
    expect(stderr).toContain("/no/such.gguf");
  });
});
