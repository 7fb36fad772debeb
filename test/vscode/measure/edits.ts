import * as vscode from "vscode";
import type { EngineClient } from "../../../extension/engine-client.ts";
import type { Host } from "../../../extension/host.ts";

/** Edits that are followed by a question, and as many that are followed by a look into memory. */
const EDITS = 30;

/** What the value is changed to, one after the other; none is a part of another or of the project's own numbers. */
const VALUES = Array.from({ length: 2 * EDITS }, (_, index) => String(4111 + 83 * index));

const QUESTION = "What is the value of DEFAULT_PORT?";
const LINE = /DEFAULT_PORT = (\d+)/;

/** How edits of a value reached answers and memory. */
export interface EditFigures {
  edits: number;
  /** Answers that say the new value, and those that say an old one; a small model may say neither. */
  freshAnswers: number;
  staleAnswers: number;
  /** Edits after which the memory's own text had the new value, and those with an old one. */
  freshInMemory: number;
  staleInMemory: number;
  /** Milliseconds from the keystroke to the reply that has the new text. */
  toFreshMemory: { median: number; p95: number };
}

/** Changes a value in an editor without saving, and asks at once; then the same with a look into memory. */
export async function measureEdits(host: Host): Promise<EditFigures> {
  const folder = host.folder()?.uri;
  const client = host.client();
  if (!folder || !client) throw new Error("no folder is read");
  const document = await vscode.workspace.openTextDocument(vscode.Uri.joinPath(folder, "src/config.ts"));
  const editor = await vscode.window.showTextDocument(document);
  const counts = { freshAnswers: 0, staleAnswers: 0, freshInMemory: 0, staleInMemory: 0 };
  const times: number[] = [];
  const seen = [LINE.exec(document.getText())?.[1] ?? ""];
  const isStale = (text: string) => seen.some((old) => text.includes(old));
  for (const [index, value] of VALUES.entries()) {
    const start = performance.now();
    await editor.edit((edit) => edit.replace(placeOf(document), value));
    if (index < EDITS) {
      const answer = await askEngine(client, folder.fsPath);
      host.log.info(`${value}: ${answer}`);
      if (answer.includes(value)) counts.freshAnswers++;
      if (isStale(answer)) counts.staleAnswers++;
    } else {
      const text = await remembered(client, folder.fsPath);
      times.push(performance.now() - start);
      if (text.includes(value)) counts.freshInMemory++;
      if (isStale(text)) counts.staleInMemory++;
    }
    seen.push(value);
  }
  return { edits: EDITS, ...counts, toFreshMemory: { median: quantile(times, 0.5), p95: quantile(times, 0.95) } };
}

async function askEngine(client: EngineClient, folder: string): Promise<string> {
  let answer = "";
  for await (const event of client.ask({ folder, question: QUESTION, maxTokens: 40 }))
    if (event.type === "end") answer = event.result.answer;
  return answer;
}

/** What memory holds of the file, as the question finds it. */
async function remembered(client: EngineClient, folder: string): Promise<string> {
  const { blocks } = await client.recall({ folder, question: QUESTION, text: true });
  return blocks.flatMap(({ path, text = "" }) => (path === "src/config.ts" ? text : [])).join("\n");
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

function placeOf(document: vscode.TextDocument): vscode.Range {
  const found = LINE.exec(document.getText());
  if (!found?.[1]) throw new Error("the value is not there any more");
  const end = found.index + found[0].length;
  return new vscode.Range(document.positionAt(end - found[1].length), document.positionAt(end));
}
