/** The shipped weights on the model that they were trained for, through ingestion, store and answer. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../engine/engine.ts";
import type { AskResult } from "../../engine/protocol/requests.ts";
import { testModelPath } from "../support/model.ts";
import { temporaryDataDir } from "../support/engine-data.ts";
import { temporaryFolder } from "../support/folder.ts";

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const QUESTION = "What is the pass key?";

function grass(key: string): string {
  const lines = Array.from(
    { length: 60 },
    () => "The grass is green. The sky is blue. The sun is yellow. Here we go.\n",
  );
  lines.splice(25, 0, `The pass key is ${key}. Remember it. ${key} is the pass key.\n`);
  return lines.join("");
}

test(
  "the pass key is read out of a memory of constant size, and an edited one replaces it",
  { timeout: 300_000 },
  async () => {
    const folder = temporaryFolder({ "text.txt": grass("61824") });
    const engine = await Engine.open({ dataDir: temporaryDataDir(), model: testModelPath(), threads: 2 });
    onTestFinished(() => engine.close());
    const ask = async (): Promise<AskResult | undefined> => {
      for await (const event of engine.ask({ folder, question: QUESTION, strategy: "infini", maxTokens: 24 }, context))
        if (event.type === "end") return event.result;
      return undefined;
    };
    await engine.ingest({ folder }, context);
    const first = await ask();
    expect(first?.answer).toContain("61824");
    expect(first).toMatchObject({ citations: [], found: true });
    expect(first?.tokens.memory).toBeGreaterThan(900);
    writeFileSync(join(folder, "text.txt"), grass("35097"));
    await engine.ingest({ folder }, context);
    const second = await ask();
    expect(second?.answer).toContain("35097");
    expect(second?.answer).not.toContain("61824");
  },
);
