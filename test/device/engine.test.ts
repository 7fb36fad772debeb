import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { Engine } from "../../engine/engine.ts";
import type { AskParams, AskResult } from "../../engine/protocol/requests.ts";
import { DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { temporaryFolder } from "../support/folder.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const names = ["anchor", "berth", "capstan", "davit", "fender"];
const files = Object.fromEntries(
  names.map((name) => [`src/${name}.py`, `def ${name}(x):\n    return x + 1\n\n`.repeat(9)]),
);

async function open(dataDir: string, device: "cpu" | "webgpu"): Promise<Engine> {
  const engine = await Engine.open({ dataDir, model: goldenPath("llama"), device, threads: 1 });
  onTestFinished(() => engine.close());
  return engine;
}

async function answer(engine: Engine, params: AskParams): Promise<AskResult> {
  for await (const event of engine.ask(params, context)) if (event.type === "end") return event.result;
  throw new Error("The answer did not end");
}

// The model is tiny and says nothing: what counts is that a GPU lets it say the same as the CPU does.
describe.skipIf(!HAS_SWIFTSHADER)("the whole engine on WebGPU, in software", () => {
  beforeAll(checkSwiftShader);

  test("reads a folder, looks up, answers with sources, and goes on with the CPU when the GPU is lost", async () => {
    const [folder, dataDir] = [temporaryFolder(files), temporaryFolder()];
    const gpu = await open(dataDir, "webgpu");
    const read = await gpu.ingest({ folder }, context);
    expect(read).toMatchObject({ files: names.length, encodedTokens: read.tokens });
    expect(await gpu.status(folder)).toMatchObject({ device: "software (WebGPU)", deviceReason: "chosen" });
    expect((await gpu.status(folder)).deviceBytes).toBeGreaterThan(100_000);
    const question = "What does capstan do?";
    const { blocks } = await gpu.recall({ folder, question, top: 1 }, context);
    expect(blocks).toMatchObject([{ path: "src/capstan.py" }]);

    const first = await answer(gpu, { folder, question, maxTokens: 8 });
    expect(first.tokens).toMatchObject({ generated: 8 });
    expect(first.tokens.memory).toBeGreaterThan(100);
    expect(first.citations.length).toBeGreaterThan(0);

    // What the GPU encoded is what the CPU answers from: the store knows no devices.
    const cpu = await open(dataDir, "cpu");
    const same = await answer(cpu, { folder, question, maxTokens: 8 });
    expect(await cpu.status(folder)).toMatchObject({
      device: "CPU, 1 threads",
      blocks: (await gpu.status(folder)).blocks,
    });
    expect(same.tokens.memory).toBe(first.tokens.memory);
    expect(same.citations.map(({ path }) => path)).toEqual(first.citations.map(({ path }) => path));

    const runs = vi.spyOn(Session.prototype, "runInto");
    const calls: unknown[] = [];
    for await (const event of gpu.ask({ folder, question, maxTokens: 8 }, context)) {
      calls.push(event.type);
      if (calls.length === 4) runs.mockRejectedValueOnce(new DeviceLost("The GPU failed in work"));
      if (event.type === "end") expect(event.result.tokens.generated).toBe(8);
    }
    expect(calls.at(-1)).toBe("end");
    expect(await gpu.status(folder)).toMatchObject({ device: "CPU, 1 threads", deviceReason: "lost" });
    expect((await answer(gpu, { folder, question, maxTokens: 8 })).tokens).toEqual(same.tokens);
  });
});
