import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../engine/engine.ts";
import type { AnswerEvent, AskParams, AskResult } from "../../engine/protocol/requests.ts";
import { temporaryDataDir } from "../support/engine-data.ts";
import { temporaryFolder } from "../support/folder.ts";
import { testModelPath } from "../support/model.ts";

const HARBOUR = `"""Berths of the harbour."""

HARBOUR_BERTHS = 48213


def free_berths(taken):
    return HARBOUR_BERTHS - taken
`;

const OIL = `"""Oil for the lanterns."""

import math

LANTERN_OIL = 9374


def oil_left(used):
    return LANTERN_OIL - used
`;

/** Enough other text that the folder is not read as plain text. */
function steps(name: string): string {
  const step = (i: number) =>
    `def ${name}_step_${i}(value):\n    """Shift a ${name} by ${i}."""\n    return value + ${i}\n`;
  return Array.from({ length: 24 }, (_, i) => step(i)).join("\n\n");
}

async function open(): Promise<(params: Partial<AskParams>) => Promise<AnswerEvent[]>> {
  const others = ["lantern", "anchor", "rudder"].map((name) => [`src/${name}.py`, steps(name)]);
  const folder = temporaryFolder({ "src/harbour.py": HARBOUR, "src/oil.py": OIL, ...Object.fromEntries(others) });
  const engine = await Engine.open({ dataDir: temporaryDataDir(), model: testModelPath(), threads: 2 });
  onTestFinished(() => engine.close());
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  const question = "What is the value of HARBOUR_BERTHS?";
  return async (params) => {
    const events: AnswerEvent[] = [];
    for await (const event of engine.ask({ folder, question, maxTokens: 24, ...params }, context)) events.push(event);
    return events;
  };
}

function endOf(events: readonly AnswerEvent[]): AskResult {
  const last = events.at(-1);
  if (last?.type !== "end") throw new Error("the answer has no end");
  return last.result;
}

/** Sentences with the block that each was read from most. */
function sources({ answer, sentences }: AskResult): [string, string | undefined][] {
  return sentences.map(({ start, end, blocks }) => [answer.slice(start, end), blocks[0]?.path]);
}

test("a planted fact's sentence and lines are those where it was planted", async () => {
  const ask = await open();
  const result = endOf(await ask({}));
  expect(result.answer).toContain("48213");
  const stating = result.sentences.find(({ start, end }) => result.answer.slice(start, end).includes("48213"));
  expect(stating?.blocks[0]).toMatchObject({ path: "src/harbour.py", startLine: 1, endLine: 7 });
  expect(result.lines[0]).toMatchObject({ path: "src/harbour.py", startLine: 3, endLine: 3 });
  expect(result.lines[0]?.score).toBeGreaterThan(0.4);
  const all = result.lines.reduce((sum, { score }) => sum + score, 0);
  expect(all).toBeGreaterThan(0.95);
  expect(all).toBeLessThanOrEqual(1.000001);

  // In an answer from two places, each sentence has its own; both beginnings are given, the values are the model's.
  const parts = ["In `src/harbour.py`, `HARBOUR_BERTHS =", "\n\nIn `src/oil.py`, `LANTERN_OIL ="];
  const question = "What are the values of HARBOUR_BERTHS and LANTERN_OIL?";
  const events = await ask({ question, parts, maxTokens: 16 });
  const both = endOf(events);
  const [first, second] = sources(both);
  expect(first?.[0]).toContain("HARBOUR_BERTHS = 48213");
  expect(first?.[1]).toBe("src/harbour.py");
  expect(second?.[0]).toContain("LANTERN_OIL = 9374");
  expect(second?.[1]).toBe("src/oil.py");
  expect(
    both.lines
      .slice(0, 2)
      .map(({ path, startLine }) => `${path}:${startLine}`)
      .sort(),
  ).toEqual(["src/harbour.py:3", "src/oil.py:5"]);
  const streamed = events.map((event) => (event.type === "token" ? event.text : "")).join("");
  expect(streamed).toContain(both.answer);
  expect(both.tokens.generated).toBeLessThanOrEqual(16);

  // Lines that nothing in the question leads to are read when they are asked for.
  const asked = await ask({ ranges: [{ path: "src/rudder.py", startLine: 30, endLine: 30 }] });
  const [lookup] = asked;
  expect(lookup?.type === "lookup" && lookup.blocks[0]).toMatchObject({ path: "src/rudder.py", why: "asked" });
  expect(lookup?.type === "lookup" && lookup.blocks.some(({ path }) => path === "src/harbour.py")).toBe(true);
});
