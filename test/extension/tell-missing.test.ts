import { beforeEach, expect, test, vi } from "vitest";
import { tellMissing } from "../../extension/chats/tell-missing.ts";
import type { Mention } from "../../webview/protocol/turn.ts";
import { servedEngine } from "../support/served-engine.ts";
import { asked } from "../support/vscode-stub.ts";

vi.mock("vscode", async () => (await import("../support/vscode-stub.ts")).vscodeStub("/folder"));
beforeEach(() => void asked.splice(0));

/** What the user is told about a question with these mentions. */
async function toldOf(mentions: Mention[]): Promise<string[]> {
  const vscode = await import("vscode");
  const files = ["src/a.ts", "srcs/c.ts"].map((path) => ({ path, bytes: 1 }));
  const client = await servedEngine({ files: async () => files });
  await tellMissing({ uri: vscode.Uri.file("/folder"), name: "folder", index: 0 }, client, mentions);
  return asked.flatMap(({ what, on }) => (what === "message" ? on : []));
}

test("nothing is said of files and folders that are in memory, nor of what is no path", async () => {
  const named: Mention[] = [{ kind: "file", path: "src/a.ts" }, { kind: "folder", path: "src" }, { kind: "problems" }];
  expect(await toldOf(named)).toEqual([]);
});

test.each<Mention>([
  { kind: "file", path: ".env" },
  { kind: "file", path: "src" },
  { kind: "folder", path: "sr" },
])("a $kind that is not in memory is not passed over in silence: $path", async (mention) => {
  expect(await toldOf([{ kind: "file", path: "src/a.ts" }, mention])).toEqual([
    expect.stringContaining("Not in memory"),
  ]);
});
