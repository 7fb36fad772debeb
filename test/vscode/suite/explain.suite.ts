/** "Explain This Across Repo" and "Show What the Model Read" inside the real extension host. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { Host } from "../../../extension/host.ts";
import { activeHost, file, theExtension } from "./active-host.ts";

let host: Host;

before(async () => {
  host = await activeHost();
});

/** Puts the cursor on a word of a file, and explains it. */
async function explained(path: string, word: string) {
  const document = await vscode.workspace.openTextDocument(file(path));
  const editor = await vscode.window.showTextDocument(document);
  const at = document.positionAt(document.getText().indexOf(word) + 1);
  editor.selection = new vscode.Selection(at, at);
  await vscode.commands.executeCommand("repoMemory.explain");
  const turn = host.conversation.turns.at(-1);
  assert(turn);
  return turn;
}

describe("explaining across the repository", () => {
  before(async () => {
    // VS Code's own server for TypeScript takes a while to start; whoever asks before gets what the memory knows.
    const at = new vscode.Position(10, 18);
    const ask = () =>
      vscode.commands.executeCommand<unknown[] | undefined>(
        "vscode.executeReferenceProvider",
        file("src/config.ts"),
        at,
      );
    // Without a project file it knows what is open, and what that imports.
    await vscode.window.showTextDocument(file("src/server.ts"), { preview: false });
    await vscode.window.showTextDocument(file("src/config.ts"), { preview: false });
    while (((await ask())?.length ?? 0) < 2) await new Promise((resolve) => void setTimeout(resolve, 100));
  });

  after(() => vscode.workspace.fs.delete(file("docs"), { recursive: true }));

  it("tells what it is, where it comes from, who uses it and what would break, by the language server's word", async () => {
    const { question, answer, selection } = await explained("src/config.ts", "loadConfig");
    assert.match(question, /^Explain loadConfig/);
    assert.match(answer, /\*\*What it is\*\*\n\n`loadConfig` is a function that what the script says/);
    assert.match(answer, /`loadConfig` is defined in `src\/config\.ts:11`\./);
    assert.match(answer, /- `startServer` in `src\/server\.ts:7`/);
    assert.match(answer, /\*\*What would break\*\*\n\nIf `loadConfig` changed, `startServer` would/);
    assert.deepEqual(selection, { path: "src/config.ts", startLine: 10, endLine: 13 });
  });

  it("explains a use by what is defined elsewhere", async () => {
    const { answer, selection } = await explained("src/server.ts", "findParcel(");
    assert.match(answer, /`findParcel` is defined in `src\/parcels\.ts:10`\./);
    assert.equal(selection?.path, "src/parcels.ts");
  });

  it("works in a file of any language without a language server", async () => {
    await vscode.workspace.fs.writeFile(file("docs/port.zz"), Buffer.from("start with loadConfig here\n"));
    const { answer, selection } = await explained("docs/port.zz", "loadConfig");
    assert.match(answer, /\*\*What it is\*\*\n\n`loadConfig` is/);
    // Nobody but the memory's own blocks can have said this: they hold lines 3 to 9 of these files.
    assert.match(answer, /- `startServer` in `src\/server\.ts:7`/);
    assert.equal(selection?.path, "docs/port.zz");
  });

  it("has a keybinding that no command of VS Code has in an editor", async () => {
    const uri = vscode.Uri.parse("vscode://defaultsettings/keybindings.json");
    const text = (await vscode.workspace.openTextDocument(uri)).getText();
    const bindings: { key: string; command: string }[] = JSON.parse(text.replace(/^\s*\/\/.*$/gm, ""));
    const own: { key: string; command: string }[] = theExtension().packageJSON.contributes.keybindings;
    const { key } = own.find(({ command }) => command === "repoMemory.explain") ?? {};
    assert(key);
    assert(bindings.length > 500);
    const others = bindings.filter((each) => each.key === key && !each.command.startsWith("repoMemory."));
    assert.deepEqual(others, []);
  });
});

describe("what the model read", () => {
  it("opens the file that was read most where none that was read is shown", async () => {
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    await host.conversation.ask("How does the service start?");
    assert.equal(host.lastAnswer.value?.lines[0]?.path, "src/server.ts");
    await vscode.commands.executeCommand("repoMemory.showAttention");
    const editor = vscode.window.activeTextEditor;
    assert.equal(editor && vscode.workspace.asRelativePath(editor.document.uri), "src/server.ts");
    // Decorations cannot be read back here: the window's own test looks at them.
  });
});
