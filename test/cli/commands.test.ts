import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import { run, type Script } from "./scripted-engine.ts";

const folder = import.meta.dirname;

/** The one JSON object that standard output holds; fails where there is more, or less. */
function onlyObject(stdout: string): unknown {
  expect(stdout.endsWith("\n")).toBe(true);
  expect(stdout.trimEnd()).not.toContain("\n");
  return JSON.parse(stdout);
}

describe("ingest", () => {
  test("--json prints the result alone; progress goes to standard error", async () => {
    const { code, stdout, stderr } = await run(["ingest", folder, "--json"]);
    expect(code).toBe(0);
    expect(onlyObject(stdout)).toEqual({
      files: 2,
      segments: 3,
      blocks: 5,
      tokens: 600,
      encodedTokens: 600,
      skipped: [{ path: "a.png", reason: "binary" }],
      seconds: 1.5,
    });
    expect(stderr).toContain("Reading 50 % 300 / 600 tokens, 300 tokens/s, 1.0 s left, src/a.ts");
    expect(stderr).toContain("Reading 100 %");
  });

  test("tells people the figures and what was skipped", async () => {
    const { stdout } = await run(["ingest", folder]);
    expect(stdout).toBe(
      "2 files, 5 blocks, 600 tokens in memory.\n600 tokens read in 1.5 s.\n1 file skipped:\n  a.png  (binary)\n",
    );
  });

  test("a terminal gets a bar, and no bar line is left in standard output", async () => {
    const { stdout, stderr } = await run(["ingest", folder], { isTTY: true });
    expect(stderr).toContain("█");
    expect(stdout).not.toContain("█");
  });
});

describe("ask", () => {
  test("streams the answer and lists its sources", async () => {
    const { code, stdout, calls } = await run(["ask", folder, "Where?"]);
    expect(code).toBe(0);
    expect(stdout).toBe("In a.ts.\n\nSources\n  src/a.ts:3-9  (75 % of the attention)\n");
    expect(calls.map(({ name }) => name)).toEqual(["status", "ask", "close"]);
    expect(calls[1]?.params).toEqual({ folder, question: "Where?" });
  });

  test("--json prints answer, citations, tokens and timing, and streams nothing", async () => {
    const { stdout } = await run(["ask", folder, "Where?", "--json"]);
    expect(onlyObject(stdout)).toEqual({
      answer: "In a.ts.",
      citations: [{ path: "src/a.ts", startLine: 3, endLine: 9, score: 0.75 }],
      sentences: [],
      lines: [],
      found: true,
      tokens: { prompt: 20, memory: 128, generated: 3 },
      timing: { lookupMs: 4, firstTokenMs: 90, totalMs: 200 },
      finish: "stop",
    });
  });

  test("hands sampling on as numbers", async () => {
    const options =
      "--max-tokens 7 --temperature 0.5 --seed 3 --top-k 4 --top-p 0.9 --min-p .05 --repetition-penalty 1.1";
    const { calls } = await run(["ask", folder, "q", ...options.split(" ")]);
    const sampling = {
      maxTokens: 7,
      temperature: 0.5,
      seed: 3,
      topK: 4,
      topP: 0.9,
      minP: 0.05,
      repetitionPenalty: 1.1,
    };
    expect(calls[1]?.params).toEqual({ folder, question: "q", ...sampling });
  });

  test.each(["empty", "ingesting", "paused"] as const)("reads a folder whose memory is %s first", async (state) => {
    const { code, stdout, calls } = await run(["ask", folder, "q", "--json"], { script: { state } });
    expect(code).toBe(0);
    expect(calls.map(({ name }) => name)).toEqual(["status", "ingest", "ask", "close"]);
    onlyObject(stdout);
  });

  test("an answer from a part of the folder says how large a part, beside the answer", async () => {
    const coverage = { tokens: 340, of: 1000 };
    const { stdout, stderr } = await run(["ask", folder, "q"], { script: { coverage } });
    expect(stderr).toContain("Read so far: 34 %.");
    expect(stdout).not.toContain("Read so far");
    const whole = await run(["ask", folder, "q"], { script: { coverage: { tokens: 1000, of: 1000 } } });
    expect(whole.stderr).not.toContain("Read so far");
    expect((await run(["recall", folder, "q"], { script: { coverage } })).stderr).toContain("Read so far: 34 %.");
  });

  test("--disk-budget is a number of gigabytes, and reaches the engine", async () => {
    expect((await run(["status", folder, "--disk-budget", "2.5"])).options).toMatchObject({ diskBudgetBytes: 2.5e9 });
    expect((await run(["status", folder, "--disk-budget", "much"])).code).toBe(2);
  });

  test("--device is auto, cpu or webgpu, and reaches the engine", async () => {
    expect((await run(["ask", folder, "q", "--device", "webgpu"])).options).toMatchObject({ device: "webgpu" });
    expect((await run(["ask", folder, "q", "--device", "cuda"])).code).toBe(2);
  });

  test("--priority is low or normal, and reaches the engine", async () => {
    expect((await run(["ask", folder, "q", "--priority", "low"])).options).toMatchObject({ priority: "low" });
    expect((await run(["ask", folder, "q", "--priority", "high"])).code).toBe(2);
  });

  test("--ingest brings a memory that is ready up to date", async () => {
    const { calls } = await run(["ask", folder, "q", "--ingest"]);
    expect(calls.map(({ name }) => name)).toEqual(["status", "ingest", "ask", "close"]);
  });

  test("--read-for counts from when reading begins, and what goes wrong behind it is told once", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const progress = { done: 1, total: 100, rate: 0, secondsLeft: undefined };
    const failed = Promise.withResolvers<void>();
    const script: Script = {
      state: "empty",
      tokens: (async function* () {
        await failed.promise;
        yield "Because.";
      })(),
      ingest: async ({ onProgress }) => {
        onProgress({ ...progress, phase: "download", unit: "bytes" });
        vi.advanceTimersByTime(60_000);
        onProgress({ ...progress, phase: "ingest", unit: "tokens", done: 0, total: 0 });
        vi.advanceTimersByTime(1_999);
        await nextTurn();
        onProgress({ ...progress, phase: "ingest", unit: "tokens", done: 42 });
        vi.advanceTimersByTime(1);
        await nextTurn();
        onProgress({ ...progress, phase: "ingest", unit: "tokens", done: 77 });
        setImmediate(failed.resolve);
        throw new RepoMemoryError("disk-full", { message: "The disk is full." });
      },
    };
    const { code, stdout, stderr } = await run(["ask", folder, "Why?", "--read-for", "2"], { script });
    const told = stderr.split("\n");
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining("Because.") });
    const places = ["Reading 42 %", "Read for 2 s", "The disk is full."].map((start) =>
      told.findIndex((line) => line.includes(start)),
    );
    expect(places[0]).toBeGreaterThan(0);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(told.filter((line) => line.includes("The disk is full."))).toHaveLength(1);
    expect(stderr).not.toContain("77 %");
  });

  test("what a model writes cannot drive the terminal", async () => {
    const tokens = ["\u001b", "[31mred\u001b[0m", "\u009b2J", "a\rb\bc\u0007", "\u202eevil", "tab\tkept\n"];
    const citations = [{ path: "\u001b]0;x\u0007.ts", startLine: 1, endLine: 1, score: 1 }];
    const { stdout } = await run(["ask", folder, "q"], { script: { tokens, result: { citations } } });
    // oxlint-disable-next-line no-control-regex -- none of these may come through
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(stdout).toContain("[31mred[0m2Jabceviltab\tkept\n");
  });

  test("JSON keeps what a model wrote exactly, with control characters escaped", async () => {
    const answer = "\u001b[31m\u009b2J\u007f\u202e";
    const { stdout } = await run(["ask", folder, "q", "--json"], { script: { result: { answer } } });
    expect(onlyObject(stdout)).toMatchObject({ answer });
    // oxlint-disable-next-line no-control-regex -- none of these may come through raw
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
  });

  test("an answer that was cut says so", async () => {
    const { stderr } = await run(["ask", folder, "q"], { script: { result: { finish: "length" } } });
    expect(stderr).toContain("--max-tokens");
  });
});

describe("--batch", () => {
  const input = '{"id": "a", "question": "one"}\n\n{"id": 2, "question": "two"}\r\n';

  test("answers each line under its id, with one engine", async () => {
    const { code, stdout, calls } = await run(["ask", folder, "--batch", "-", "--json"], { stdin: input });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(0);
    expect(lines.map(({ id, answer }) => [id, answer])).toEqual([
      ["a", "In a.ts."],
      [2, "In a.ts."],
    ]);
    expect(calls.filter(({ name }) => name === "ask").map(({ params }) => params)).toEqual([
      { folder, question: "one" },
      { folder, question: "two" },
    ]);
  });

  test("recall does the same from a file", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "batch-")), "questions.jsonl");
    writeFileSync(file, input);
    const { stdout, calls } = await run(["recall", folder, "--batch", file, "--json", "--top", "3"]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ id }) => id)).toEqual(["a", 2]);
    expect(lines[0].blocks).toHaveLength(1);
    expect(calls[1]?.params).toEqual({ folder, question: "one", top: 3 });
  });

  test("a question that fails has its error on its line, and the exit code says so", async () => {
    const failure = new RepoMemoryError("internal", { message: "It broke." });
    const { code, stdout, stderr } = await run(["ask", folder, "--batch", "-"], { stdin: input, script: { failure } });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(lines).toEqual([
      { id: "a", error: failure.toPlain() },
      { id: 2, error: failure.toPlain() },
    ]);
    expect(stderr).toContain("2 of 2 questions failed");
  });

  test.each([
    ["{broken", "line 1 is not JSON"],
    ['{"id": 1}', "question"],
    ['{"id": 1, "question": "  "}', "is empty"],
    ['{"id": 1, "question": "x"}\n[]', "line 2"],
    ['{"id": {}, "question": "x"}', "id"],
  ])("a bad line (%s) is wrong usage, before anything is answered", async (stdin, named) => {
    const { code, stdout, stderr, options } = await run(["ask", folder, "--batch", "-"], { stdin });
    expect(code).toBe(2);
    expect(stderr).toContain(named);
    expect(stdout).toBe("");
    expect(options).toBeUndefined();
  });
});

describe("the other commands", () => {
  test("recall lists places, best first", async () => {
    const { stdout, calls } = await run(["recall", folder, "q"]);
    expect(stdout).toBe("  src/a.ts:3-9  0.750\n");
    expect(calls[1]?.params).toEqual({ folder, question: "q", top: 8 });
  });

  test("chat sends earlier turns along and ends at the end of its input", async () => {
    const { code, stdout, calls } = await run(["chat", folder], { stdin: "one\ntwo\n" });
    expect(code).toBe(0);
    expect(stdout.match(/In a\.ts\./g)).toHaveLength(2);
    const history = [
      { role: "user", text: "one" },
      { role: "assistant", text: "In a.ts." },
    ];
    expect(calls.filter(({ name }) => name === "ask").map(({ params }) => params)).toEqual([
      { folder, question: "one", history: [], compare: true },
      { folder, question: "two", history, compare: true },
    ]);
  });

  test("status, as text and as JSON", async () => {
    expect((await run(["status", folder])).stdout).toContain("2 files, 5 blocks, 600 tokens, 4.1 kB on disk");
    expect((await run(["status", folder])).stdout).toContain("2.0 GB of 10.0 GB for the memory of all folders");
    expect(onlyObject((await run(["status", folder, "--json"])).stdout)).toMatchObject({ folder, state: "ready" });
  });

  test("forget hands on paths as the engine names them", async () => {
    const paths = ["./src/", "a//b.ts", join(folder, "c.ts")];
    const { stdout, calls } = await run(["forget", folder, ...paths, "--json"]);
    expect(calls[0]?.params).toEqual({ folder, paths: ["src", "a/b.ts", "c.ts"] });
    expect(onlyObject(stdout)).toEqual({ files: 1, blocks: 2 });
  });

  test("forget without paths forgets the whole folder", async () => {
    const { stdout, calls } = await run(["forget", "."], { cwd: folder });
    expect(calls[0]?.params).toEqual({ folder });
    expect(stdout).toBe("Forgot 1 file and 2 blocks.\n");
  });

  test("models, as a table and as JSON", async () => {
    expect((await run(["models"])).stdout).toBe("tiny  94.0 MB  in use  Apache-2.0  /m/tiny.gguf\n");
    expect(onlyObject((await run(["models", "--json"])).stdout)).toMatchObject({ models: [{ name: "tiny" }] });
  });
});
