/** Code actions inside the real extension host: what is offered where, and that nothing changes but what the user accepts. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { Host } from "../../../extension/host.ts";
import { activeHost, file } from "./active-host.ts";

const KINDS = {
  explain: "refactor.rewrite.repoMemory.explain",
  document: "refactor.rewrite.repoMemory.document",
  tests: "refactor.rewrite.repoMemory.tests",
  likeTheRest: "refactor.rewrite.repoMemory.likeTheRest",
  similar: "refactor.rewrite.repoMemory.similar",
  fix: "quickfix.repoMemory.fix",
};
/** In a language of which no server complains: what is offered must not hang on one. */
const CODE = `export function openDoor(door) {
  var lock = loadConfg(door);
  return lock.open();
}

/** Closes it. */
export function closeDoor(door) {
  return door.close();
}
`;

let host: Host;

before(async () => {
  host = await activeHost();
  while (host.memory.value.files === 0) await soon();
});

function soon(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 25));
}

/** A file a test: VS Code keeps what it knows of one for a while after it was closed. */
const made: vscode.Uri[] = [];

/** Opens a new file of the workspace with this text, in an editor. */
async function opened(text: string): Promise<vscode.TextEditor> {
  const uri = file(`src/doors${made.length}.js`);
  made.push(uri);
  await vscode.workspace.fs.writeFile(uri, Buffer.from(text));
  return vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
}

async function offered(document: vscode.TextDocument, range: vscode.Range, kind?: string): Promise<string[]> {
  const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
    "vscode.executeCodeActionProvider",
    document.uri,
    range,
    kind,
  );
  const own = actions.filter((action) => action.kind?.value.includes("repoMemory"));
  return own.map((action) => action.kind?.value ?? "").sort();
}

/** Runs an action and answers its diff as a user would, as soon as there is one. */
async function answering(answer: "accept" | "discard", command: string, ...args: unknown[]): Promise<void> {
  let isDone = false;
  const running = Promise.resolve(vscode.commands.executeCommand(command, ...args)).finally(() => (isDone = true));
  while (!isDone) {
    await vscode.commands.executeCommand(`repoMemory.${answer}Change`);
    await soon();
  }
  await running;
}

const onOpenDoor = new vscode.Range(0, 18, 0, 18);

afterEach(async () => {
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
});

after(async () => {
  for (const uri of made) await vscode.workspace.fs.delete(uri).then(undefined, () => {});
});

describe("code actions", () => {
  it("are offered where there is something to do, each with a kind of its own", async () => {
    const { document } = await opened(CODE);
    const { explain, document: describeIt, tests, similar, likeTheRest } = KINDS;
    assert.deepEqual(await offered(document, onOpenDoor), [describeIt, explain, similar, tests].sort());
    // What has a comment needs none; a blank line and a bracket are nothing.
    assert.deepEqual(await offered(document, new vscode.Range(6, 20, 6, 20)), [explain, similar, tests].sort());
    assert.deepEqual(await offered(document, new vscode.Range(4, 0, 4, 0)), []);
    assert.deepEqual(await offered(document, new vscode.Range(3, 0, 3, 1)), [explain].slice(1));
    assert.deepEqual(await offered(document, new vscode.Range(1, 0, 3, 0)), [explain, likeTheRest, similar].sort());
    assert.deepEqual(await offered(document, onOpenDoor, describeIt), [describeIt]);
  });

  it("offer a fix only where there is a problem", async () => {
    const { document } = await opened(CODE);
    const problems = vscode.languages.createDiagnosticCollection("test");
    const range = new vscode.Range(1, 13, 1, 22);
    const hint = new vscode.Diagnostic(range, "Perhaps.", vscode.DiagnosticSeverity.Hint);
    problems.set(document.uri, [hint]);
    assert.equal((await offered(document, range)).includes(KINDS.fix), false);
    problems.set(document.uri, [new vscode.Diagnostic(range, "Cannot find name 'loadConfg'.")]);
    assert.equal((await offered(document, range)).includes(KINDS.fix), true);
    problems.dispose();
  });

  it("are not offered when they are switched off, or outside of the workspace", async () => {
    const { document } = await opened(CODE);
    const settings = vscode.workspace.getConfiguration("repoMemory", document.uri);
    await settings.update("codeActions", false, vscode.ConfigurationTarget.Workspace);
    assert.deepEqual(await offered(document, onOpenDoor), []);
    await settings.update("codeActions", undefined, vscode.ConfigurationTarget.Workspace);
    assert.notDeepEqual(await offered(document, onOpenDoor), []);
    const elsewhere = await vscode.workspace.openTextDocument({ language: "typescript", content: CODE });
    assert.deepEqual(await offered(elsewhere, onOpenDoor), []);
  });

  it("show an edit before it is made, and make it in one step of undo", async () => {
    const { document } = await opened(CODE);
    await answering("discard", "repoMemory.document", document.uri, onOpenDoor);
    assert.equal(document.getText(), CODE);
    await answering("accept", "repoMemory.document", document.uri, onOpenDoor);
    assert.equal(document.getText(), `/** Says what it does. It is scripted. */\n${CODE}`);
    await vscode.window.showTextDocument(document);
    await vscode.commands.executeCommand("undo");
    assert.equal(document.getText(), CODE);
  });

  it("fix the lines of a problem and no others", async () => {
    const { document } = await opened(CODE);
    const range = new vscode.Range(1, 13, 1, 22);
    await answering("accept", "repoMemory.fix", document.uri, range, range, "Cannot find name 'loadConfg'.");
    assert.equal(document.getText(), CODE.replace("var lock = loadConfg", "const lock = loadConfig"));
  });

  it("rewrite the selection", async () => {
    const { document } = await opened(CODE);
    await answering("accept", "repoMemory.likeTheRest", document.uri, new vscode.Range(0, 0, 4, 0));
    assert.equal(document.getText(), CODE.replace("var lock = loadConfg", "const lock = loadConfig"));
  });

  it("write tests beside the nearest ones, and make no file before the user agrees", async () => {
    const { document } = await opened(CODE);
    const name = made.at(-1)?.path.split("/").at(-1)?.replace(".js", "");
    const uri = file(`test/${name}.test.ts`);
    made.push(uri);
    await answering("discard", "repoMemory.writeTests", document.uri, onOpenDoor);
    await assert.rejects(async () => vscode.workspace.fs.stat(uri));
    await answering("accept", "repoMemory.writeTests", document.uri, onOpenDoor);
    const written = Buffer.from(await vscode.workspace.fs.readFile(uri)).toString();
    const imports = 'import assert from "node:assert";\nimport { openDoor } from "../src/NAME.js";\n'.replace(
      "NAME",
      name ?? "",
    );
    assert.equal(written, `${imports}\nassert.ok(true, "scripted");\n`);
  });

  it("list similar code to step through", async () => {
    const { document } = await opened(CODE);
    await vscode.commands.executeCommand("repoMemory.findSimilar", document.uri, new vscode.Range(0, 0, 4, 0));
    // The list is a peek view in this editor: closing it is all that a test inside the host can do with it.
    await vscode.commands.executeCommand("closeReferenceSearch");
    assert.equal(document.getText(), CODE);
  });
});

describe("an edit that a model proposes", () => {
  it("is not made of an answer without code", async () => {
    const text = CODE.replace("return lock", "// answer: prose\n  return lock");
    const { document } = await opened(text);
    await vscode.commands.executeCommand("repoMemory.likeTheRest", document.uri, new vscode.Range(0, 0, 5, 0));
    assert.equal(document.getText(), text);
  });

  it("is given up when the document changes under it", async () => {
    const text = CODE.replace("return lock", "// answer: endless\n  return lock");
    const editor = await opened(text);
    const running = vscode.commands.executeCommand("repoMemory.document", editor.document.uri, onOpenDoor);
    await soon();
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "// typed\n"));
    await running;
    assert.equal(editor.document.getText(), `// typed\n${text}`);
  });

  it("cannot reach a file outside of the workspace, by no path and no link", async () => {
    const outside = mkdtempSync(join(tmpdir(), "repo-memory-outside-"));
    const target = join(outside, "doors.ts");
    writeFileSync(target, CODE);
    const link = file("src/link.ts").fsPath;
    made.push(vscode.Uri.file(link));
    symlinkSync(target, link);
    for (const uri of [vscode.Uri.file(target), vscode.Uri.file(link)]) {
      const document = await vscode.workspace.openTextDocument(uri);
      // Without a preview there is nothing to accept, and the command ends by itself.
      await vscode.commands.executeCommand("repoMemory.document", uri, onOpenDoor);
      assert.equal(document.getText(), CODE);
      assert.equal(document.isDirty, false);
    }
    assert.equal(readFileSync(target, "utf8"), CODE);
    rmSync(outside, { recursive: true });
  });
});
