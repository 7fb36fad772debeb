import { beforeEach, expect, test, vi } from "vitest";
import { applyCode, insertCode } from "../../extension/chats/use-code.ts";

/** What was done to the editor, and what the user was told. */
const done = vi.hoisted((): { edits: string[]; shown: string[]; told: string[] } => ({
  edits: [],
  shown: [],
  told: [],
}));
vi.mock("../../extension/actions/confirmed-edit.ts", () => ({
  proposeReplacement: async (..._all: unknown[]) => void done.shown.push(String(_all.at(-1))),
}));
vi.mock("vscode", () => {
  const document = { uri: "file:///folder/a.ts", version: 1, getText: () => "" };
  const replace = (_: unknown, text: string) => void done.edits.push(text);
  const edit = async (build: (edit: { replace: typeof replace }) => void) => build({ replace });
  const tell = async (text: string) => void done.told.push(text);
  return {
    l10n: { t: (text: string) => text },
    window: {
      activeTextEditor: { document, selection: { isEmpty: true }, selections: [{}], edit },
      showInformationMessage: tell,
      showWarningMessage: tell,
      showTextDocument: async () => {},
    },
    workspace: { getWorkspaceFolder: () => ({ uri: "file:///folder", name: "folder" }) },
  };
});
beforeEach(() => [done.edits, done.shown, done.told].forEach((list) => list.splice(0)));

test("code of an answer goes to the cursor, and into a difference to look at", async () => {
  await insertCode("const a = 1;\n");
  await applyCode("const b = 2;");
  expect(done).toEqual({ edits: ["const a = 1;"], shown: ["const b = 2;"], told: [] });
});

test.each([
  ["text that runs the other way", 'const a = "\u202Exyz";'],
  ["an isolate", "if (isAdmin\u2066) {}"],
  ["a terminal's escape", 'const a = "\u001B[2J";'],
])("%s goes nowhere, and the user is told", async (_, code) => {
  await insertCode(code);
  await applyCode(code);
  expect([done.edits, done.shown]).toEqual([[], []]);
  expect(done.told).toHaveLength(2);
  expect(done.told[0]).toContain("look other than it is");
});
