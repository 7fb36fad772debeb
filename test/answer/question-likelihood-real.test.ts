/** Questions that share no word with what answers them, asked of the model itself. */
import { expect, onTestFinished, test } from "vitest";
import { Engine } from "../../engine/engine.ts";
import { temporaryDataDir } from "../support/engine-data.ts";
import { temporaryFolder } from "../support/folder.ts";
import { testModelPath } from "../support/model.ts";

const context = { signal: new AbortController().signal, onProgress: () => undefined };

const NOTES: Record<string, string> = {
  ovens: "Ovens are preheated to 220 degrees.",
  vessels: "Every vessel carries nine life jackets.",
  salaries: "Salaries are paid on the 27th of each month.",
  trams: "The last tram leaves half past one.",
  guards: "A guard dog patrols behind the fence.",
  windows: "Windows are washed twice a year.",
  lifts: "Lifts carry eleven persons.",
  bananas: "Bananas arrive on Tuesdays.",
  seedlings: "Seedlings need four litres daily.",
  pianists: "Our pianist earns 300 dollars nightly.",
};

/** Questions that the other signals alone do not find in so few: their blocks were third, sixth and fifteenth of thirty. */
const ASKED: [question: string, note: string, top: number][] = [
  ["How often does somebody clean glass?", "windows", 2],
  ["When does fruit get delivered?", "bananas", 4],
  ["How crowded may an elevator get?", "lifts", 10],
];

/** Code with the note above its last function; names that say nothing. */
function source(name: string, note: string): string {
  const one = (i: number) =>
    `export function ${name}${i}(values: number[]): number {\n  return values.map((value) => value * ${i + 3}).reduce((a, b) => a + b, ${i});\n}\n`;
  return `${[0, 1, 2, 3, 4, 5].map(one).join("\n")}\n// ${note}\n${one(6)}`;
}

test("what is asked for in other words is among the first", { timeout: 300_000 }, async () => {
  const files = Object.entries(NOTES).map(([name, note]): [string, string] => {
    const short = name.slice(0, 2);
    return [`${short}.ts`, source(short, note)];
  });
  const folder = temporaryFolder(Object.fromEntries(files));
  const engine = await Engine.open({ dataDir: temporaryDataDir(), model: testModelPath(), threads: 2 });
  onTestFinished(() => engine.close());
  const { blocks } = await engine.ingest({ folder }, context);
  expect(blocks).toBeGreaterThanOrEqual(30);
  const missed: string[] = [];
  for (const [question, note, top] of ASKED) {
    const found = await engine.recall({ folder, question, top, text: true }, context);
    if (!found.blocks.some(({ text }) => text?.includes(NOTES[note] ?? "?"))) missed.push(question);
  }
  expect(missed).toEqual([]);
});
