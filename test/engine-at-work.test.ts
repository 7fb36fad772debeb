import { describe, expect, test } from "vitest";
import type { Engine } from "../engine/engine.ts";
import type { CallContext, Progress } from "../engine/protocol/requests.ts";
import { ENGINES, refuseFallback } from "./support/engine-kinds.ts";
import { temporaryFolder } from "./support/folder.ts";

const NAMES = ["anchor", "buoy", "compass", "davit", "fender", "galley"];

/** Files of a few functions, no two alike. */
function files(steps: number): Record<string, string> {
  const step = (name: string, i: number) => `def ${name}_${i}(value):\n    return value * ${i} + len("${name}")\n\n`;
  const text = (name: string) =>
    `${name.toUpperCase()}_LIMIT = ${name.length}7\n\n${Array.from({ length: steps }, (_, i) => step(name, i)).join("")}`;
  return Object.fromEntries(NAMES.map((name) => [`${name}.py`, text(name)]));
}

function context(onProgress: (progress: Progress) => void = () => undefined): CallContext {
  return { signal: new AbortController().signal, onProgress };
}

async function ask(engine: Engine, folder: string, question: string): Promise<string> {
  for await (const event of engine.ask({ folder, question, maxTokens: 8 }, context()))
    if (event.type === "end") return event.result.answer;
  throw new Error("the answer has no end");
}

describe.each(ENGINES)("$name", (kind) => {
  refuseFallback();

  test("questions are answered while a folder is read, while that is paused, and several at once", async () => {
    const engine = await kind.open({ dataDir: kind.shareData(temporaryFolder()) });
    const folder = temporaryFolder(files(kind.isSensible ? 9 : 4));
    const begun = Promise.withResolvers<void>();
    const reading = engine.ingest(
      { folder },
      context(({ phase, done }) => {
        if (phase === "ingest" && done > 0) begun.resolve();
      }),
    );
    await begun.promise;

    expect(await ask(engine, folder, "What is ANCHOR_LIMIT?")).not.toBe("");
    // The reading made way for the question: it is not done yet.
    expect(await engine.status(folder)).toMatchObject({ state: "ingesting" });
    await engine.pause(folder);
    const { state, files: before } = await engine.status(folder);
    expect(state).toBe("paused");
    expect(before).toBeLessThan(NAMES.length);
    expect(await ask(engine, folder, "What is ANCHOR_LIMIT?")).not.toBe("");

    await engine.resume(folder);
    expect((await reading).files).toBe(NAMES.length);
    expect(await engine.status(folder)).toMatchObject({ state: "ready", files: NAMES.length });

    const questions = ["What is GALLEY_LIMIT?", "What does davit_3 return?"];
    const alone: string[] = [];
    for (const question of questions) alone.push(await ask(engine, folder, question));
    expect(await Promise.all(questions.map((question) => ask(engine, folder, question)))).toEqual(alone);
    await engine.close();
  });
});
