import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { ScoredRange } from "../../../engine/protocol/requests.ts";
import type { EngineClient } from "../../../extension/engine-client.ts";
import type { Host } from "../../../extension/host.ts";
import { file, theExtension } from "./active-host.ts";

let host: Host;
let client: EngineClient;

/** Waits until the engine is open and the folder is read. */
async function settled(): Promise<EngineClient> {
  await until(() => host.engine.state.value.kind === "ready" && host.memory.value.state === "ready");
  const open = host.client();
  assert(open);
  return open;
}

/** Waits for a change of the host until `isTrue`; every state that is waited for is told of by one. */
function until(isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!isTrue()) return;
      for (const each of subscriptions) each.dispose();
      resolve();
    };
    const subscriptions = [host.engine.state.onChange(check), host.memory.onChange(check)];
    check();
  });
}

/** The hint about a file that the scripted engine was given, with its text's length; asked for until there is one. */
async function hintFor(path: string, length: number): Promise<ScoredRange> {
  for (;;) {
    const { blocks } = await client.recall({ folder: file("").fsPath, question: "hints" });
    const hint = blocks.findLast((block) => block.path === path && block.endLine === length);
    if (hint) return hint;
    await new Promise(setImmediate);
  }
}

before(async () => {
  host = await theExtension().activate();
  client = await settled();
});

describe("the extension", () => {
  it("registers every command of its manifest", async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    const declared: { command: string }[] = theExtension().packageJSON.contributes.commands;
    assert.deepEqual(
      declared.map(({ command }) => command).filter((command) => !registered.has(command)),
      [],
    );
  });

  it("reads the workspace through an engine in another process", () => {
    const state = host.engine.state.value;
    assert(state.kind === "ready");
    assert.notEqual(state.pid, process.pid);
    assert(host.memory.value.files > 0);
  });

  it("answers a question and keeps it in the chat", async () => {
    await host.conversation.ask("How does the service start?");
    const turn = host.conversation.turns.at(-1);
    assert.equal(turn?.state, "done");
    assert.match(turn.answer, /startServer/);
    assert.deepEqual(turn.citations[0]?.path, "src/server.ts");
  });
});

describe("the watcher", () => {
  after(() => vscode.workspace.fs.delete(file("src/new.ts")));

  it("tells of a file that is written on disk", async () => {
    await vscode.workspace.fs.writeFile(file("src/new.ts"), Buffer.from("export const one = 1;\n"));
    assert(await hintFor("src/new.ts", 0));
  });

  it("tells of unsaved text in an editor", async () => {
    const document = await vscode.workspace.openTextDocument(file("src/config.ts"));
    const editor = await vscode.window.showTextDocument(document);
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "// typed\n"));
    assert(await hintFor("src/config.ts", document.getText().length));
    await vscode.commands.executeCommand("undo");
  });
});

describe("the engine", () => {
  it("is started again when it is killed, and reads again", async () => {
    const state = host.engine.state.value;
    assert(state.kind === "ready" && state.pid !== undefined);
    process.kill(state.pid, "SIGKILL");
    await until(() => host.engine.state.value.kind === "restarting");
    client = await settled();
    assert.notEqual(host.engine.state.value, state);
  });
});
