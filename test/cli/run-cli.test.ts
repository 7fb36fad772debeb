import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import { run } from "./scripted-engine.ts";

const folder = import.meta.dirname;
const commandNames = ["ingest", "ask", "recall", "chat", "status", "forget", "models", "train"];

describe("help", () => {
  test("names every command and the exit codes", async () => {
    const { code, stdout, calls } = await run(["--help"]);
    expect(code).toBe(0);
    for (const name of commandNames) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(stdout).toContain("2 wrong usage");
    expect(calls).toEqual([]);
  });

  test.each(commandNames)("%s --help shows usage, options and examples, and opens no engine", async (name) => {
    const { code, stdout, options } = await run([name, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage\n  repo-memory ${name}`);
    expect(stdout).toMatch(/Examples\n {2}repo-memory /);
    expect(stdout).toContain("--model MODEL");
    expect(options).toBeUndefined();
  });
});

describe("wrong usage ends with 2, names what is wrong and opens no engine", () => {
  const cases: [string, string[], string][] = [
    ["no command", [], "Which command"],
    ["an unknown command", ["remember", "."], '"remember"'],
    ["an unknown option", ["ask", ".", "q", "--colour"], "--colour"],
    ["a missing folder argument", ["ingest"], "DIR"],
    ["a missing question", ["ask", "."], "question"],
    ["an empty question", ["ask", ".", " "], "empty"],
    ["a question without quotes", ["ask", ".", "where", "is", "it"], '"is"'],
    ["a temperature that is no number", ["ask", ".", "q", "--temperature", "warm"], "--temperature"],
    ["a temperature below zero", ["ask", ".", "q", "--temperature=-1"], "--temperature"],
    ["half a token", ["ask", ".", "q", "--max-tokens", "0.5"], "whole number"],
    ["no token at all", ["ask", ".", "q", "--max-tokens", "0"], "--max-tokens"],
    ["a top of none", ["recall", ".", "q", "--top", "0"], "--top"],
    ["an option without its value", ["recall", ".", "q", "--top"], "--top"],
    ["no threads", ["ask", ".", "q", "--threads", "0"], "--threads"],
    ["a batch file that is not there", ["ask", ".", "--batch", "absent.jsonl"], "absent.jsonl"],
    ["a question beside a batch", ["ask", ".", "q", "--batch", "-"], '"q"'],
    ["a chat as JSON", ["chat", ".", "--json"], "--batch"],
    ["a path outside the folder", ["forget", ".", "../other"], "../other"],
    ["an argument to models", ["models", "x"], '"x"'],
  ];
  test.each(cases)("%s", async (_name, args, named) => {
    const { code, stdout, stderr, options } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toContain(named);
    expect(stdout).toMatch(args.includes("--json") ? /^\{"error":.*\}\n$/ : /^$/);
    expect(options).toBeUndefined();
  });
});

describe("failures end with 1 and say what to do", () => {
  test("a folder that is not there", async () => {
    const { code, stderr, options } = await run(["ask", "no-such-folder", "q"]);
    expect(code).toBe(1);
    expect(stderr).toContain("no-such-folder");
    expect(options).toBeUndefined();
  });

  test("a file in place of a folder", async () => {
    const { code, stderr } = await run(["ingest", "run-cli.test.ts"]);
    expect(code).toBe(1);
    expect(stderr).toContain("is not a folder");
  });

  test("an engine that cannot be opened", async () => {
    const openFailure = new RepoMemoryError("model-not-found", {
      message: "No model.",
      meaning: "Nothing can be read.",
      remedy: "Name one with --model.",
    });
    const { code, stdout, stderr } = await run(["ask", folder, "q", "--json"], { script: { openFailure } });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ error: openFailure.toPlain() });
    expect(stderr).toContain("No model.\nNothing can be read.\nName one with --model.");
  });

  test("an engine that fails is closed all the same", async () => {
    const failure = new RepoMemoryError("out-of-memory", { message: "No memory left." });
    const { code, calls } = await run(["recall", folder, "q"], { script: { failure } });
    expect(code).toBe(1);
    expect(calls.at(-1)?.name).toBe("close");
  });

  test("Ctrl-C is not a failure: 130, and nothing is told as an error", async () => {
    const controller = new AbortController();
    controller.abort();
    const failure = new DOMException("aborted", "AbortError");
    const { code, stderr } = await run(["ask", folder, "q"], { script: { failure }, signal: controller.signal });
    expect(code).toBe(130);
    expect(stderr).not.toContain("Error");
  });

  test("an answer that was cancelled ends with 130", async () => {
    const { code } = await run(["ask", folder, "q"], { script: { result: { finish: "cancelled" } } });
    expect(code).toBe(130);
  });
});

describe("the engine is opened with", () => {
  test("the folder of the user's cache by default", async () => {
    const { options } = await run(["models"]);
    expect(options).toEqual({ dataDir: join(homedir(), ".cache", "repo-memory") });
  });

  test("what the environment says", async () => {
    const { options } = await run(["models"], { env: { REPO_MEMORY_HOME: "/h", REPO_MEMORY_MODEL: "some-model" } });
    expect(options).toEqual({ dataDir: "/h", model: "some-model" });
  });

  test("what the options say, relative paths made absolute", async () => {
    const args = ["models", "--data", "d", "--model", "run-cli.test.ts", "--threads", "3"];
    const { options } = await run(args, { env: { REPO_MEMORY_HOME: "/h" } });
    expect(options).toEqual({ dataDir: join(folder, "d"), model: join(folder, "run-cli.test.ts"), threads: 3 });
  });
});
