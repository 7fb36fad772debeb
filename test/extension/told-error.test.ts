import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { obtainModel } from "../../engine/models/obtain-model.ts";
import { refused } from "../../engine/models/remote-file.ts";
import { type ErrorCode, RepoMemoryError } from "../../engine/protocol/errors.ts";
import { realFolder } from "../../engine/store/store-path.ts";
import { toldError, toldText } from "../../extension/status/told-error.ts";
import { english } from "../support/english.ts";
import { temporaryFolder } from "../support/folder.ts";

const engine = fileURLToPath(new URL("../../engine", import.meta.url));

/** What stands behind `remedy:` in the engine's sources, those aside that only the command line says. */
function remedies(): string[] {
  const files = readdirSync(engine, { recursive: true, encoding: "utf8" });
  const sources = files.filter((path) => path.endsWith(".ts") && !/^cli\b/.test(path));
  return sources.flatMap((path) => {
    const lines = readFileSync(join(engine, path), "utf8").matchAll(/remedy: (.*["`].*)$/gm);
    return [...lines].map(([, text = ""]) => text);
  });
}

/** What nobody can type in an editor. */
const OF_THE_TERMINAL = /--[a-z]|[A-Z]+_PROXY|\bingest\b|repo-memory /i;

test("no remedy of the engine names a flag, a variable or a command of the terminal in the editor", () => {
  const all = remedies();
  expect(all.filter((remedy) => OF_THE_TERMINAL.test(remedy)).length).toBeGreaterThan(5);
  const codes: ErrorCode[] = ["model-invalid", "store-failed", "usage", "download-failed", "model-not-found"];
  const told = codes.flatMap((code) =>
    all.map((remedy) => toldText(new RepoMemoryError(code, { message: "", remedy }), english)),
  );
  expect(told.filter((text) => OF_THE_TERMINAL.test(text))).toEqual([]);
});

/** A language in which all is shouted: what stays as it is was not put into it. */
const shouted = { t: (message: string, ...values: (string | number)[]) => english.t(message, ...values).toUpperCase() };

async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error;
  }
}

test.each<[string, () => unknown]>([
  ["no model", () => obtain({ mayDownload: false })],
  ["a model that is not there", () => obtain({ model: "/nowhere/model.gguf" })],
  ["a download that is refused", () => refused("https://example.com/m.gguf", 403)],
  ["a full disk", () => new RepoMemoryError("disk-full", { message: "Full.", meaning: "m", remedy: "r" })],
  ["a folder that is gone", () => realFolder("/nowhere/folder")],
])("%s is told in the editor's language", async (_, work) => {
  const { meaning, remedy } = toldError(await thrownBy(work), shouted);
  expect(meaning).toMatch(/^[^a-z]+$/);
  expect(remedy.replace(/ \(.*\)/, "")).toMatch(/^[^a-z]+$/);
});

function obtain(more: { mayDownload?: boolean; model?: string }): Promise<string> {
  const context = { signal: new AbortController().signal, onProgress: () => {} };
  return obtainModel({ ...context, dataDir: temporaryFolder(), memoryBytes: 8e9, ...more });
}

test("what can be downloaded keeps its name and size", async () => {
  const { message, remedy } = toldError(await thrownBy(() => obtain({ mayDownload: false })), english);
  expect(message).toBe("There is no model on this machine yet.");
  expect(remedy).toMatch(/^Download .+ \(\d+ MB, .+\), or choose/);
});

test("who stopped is told no more than that, and what has no words of ours keeps the engine's", () => {
  expect(toldText(new DOMException("This operation was aborted", "AbortError"), english)).toBe("Stopped.");
  const damaged = { message: "a.gguf: x.", meaning: "Damaged.", remedy: "Name another model with --model FILE." };
  expect(toldError(new RepoMemoryError("model-invalid", damaged), english)).toEqual({
    ...damaged,
    code: "model-invalid",
    remedy: "Name another model in the setting repoMemory.model.",
  });
});
