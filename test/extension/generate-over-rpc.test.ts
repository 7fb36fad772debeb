/** The calls that others use, over RPC: the extension's client and an engine process without a model. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { GenerateEvent } from "../../engine/protocol/generation.ts";
import { startChild } from "../../extension/engine-child.ts";
import type { EngineClient } from "../../extension/engine-client.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";

const scripted = fileURLToPath(new URL("../vscode/scripted-engine.ts", import.meta.url));

let client: EngineClient;

beforeEach(async () => {
  const child = startChild({ entry: scripted, log: () => {}, onProgress: () => {} });
  ({ client } = child);
  await client.open({});
  onTestFinished(async () => {
    void client.close().catch(() => {});
    await child.exited;
  });
});

async function collect(events: AsyncIterable<GenerateEvent>): Promise<GenerateEvent[]> {
  const all: GenerateEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("the calls that others use", () => {
  test("generate streams text and ends with the result", async () => {
    const events = await collect(client.generate({ messages: [{ role: "user", text: "one two" }] }));
    expect(events.map((event) => (event.type === "token" ? event.text : event.result.text))).toEqual([
      "Asked:",
      " one",
      " two",
      "Asked: one two",
    ]);
  });

  test("a generation that is no longer read is cancelled, and one whose signal is aborted ends", async () => {
    for await (const event of client.generate({ messages: [{ role: "user", text: "endless" }] }))
      if (event.type === "token") break;
    const abort = new AbortController();
    let finish = "";
    const messages = [{ role: "user" as const, text: "endless" }];
    for await (const event of client.generate({ messages }, { signal: abort.signal })) {
      if (event.type === "token") abort.abort();
      else ({ finish } = event.result);
    }
    expect(finish).toBe("cancelled");
  });

  test("two generations at once do not mix", async () => {
    const said = await Promise.all(
      ["apple", "pear"].map((text) => collect(client.generate({ messages: [{ role: "user", text }] }))),
    );
    expect(
      said.map((events) => events.flatMap((event) => (event.type === "token" ? event.text : [])).join("")),
    ).toEqual(["Asked: apple", "Asked: pear"]);
  });

  test("failures keep what to do", async () => {
    await expect(collect(client.generate({ messages: [{ role: "user", text: "fail" }] }))).rejects.toMatchObject({
      code: "model-invalid",
      remedy: expect.stringContaining("download"),
    });
  });

  test("parameters are checked where they arrive", async () => {
    await expect(collect(client.generate({ messages: [] }))).rejects.toMatchObject({ code: "usage" });
    await expect(client.fileText("/tmp", "../etc/passwd")).rejects.toMatchObject({ code: "usage" });
    await expect(client.recall({ folder: "/tmp", question: "x", maxTokens: 0 })).rejects.toMatchObject({
      code: "usage",
    });
  });

  test("tokens are counted, and the files in memory are listed and read", async () => {
    expect(await client.countTokens({ texts: ["a b", ""] })).toMatchObject({ counts: [2, 0], perMessage: 4 });
    const folder = temporaryFolder();
    mkdirSync(join(folder, "src"));
    writeFile(folder, "README.md", "# Here\n");
    expect(await client.files(folder)).toEqual([{ path: "README.md", bytes: 1 }]);
    expect(await client.fileText(folder, "README.md")).toBe("# Here\n");
  });
});
