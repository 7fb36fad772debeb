import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { Engine } from "../../engine/engine.ts";
import { projectedLayers } from "../../engine/inference/observed-layers.ts";
import { trainedProjections } from "../../engine/inference/open-lookup.ts";
import { openModel } from "../../engine/models/open-model.ts";
import type { AskParams, AskResult } from "../../engine/protocol/requests.ts";
import { writeProjections } from "../../engine/retrieval/projections-file.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { temporaryFolder } from "../support/folder.ts";
import { seededRandom } from "../support/random.ts";
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

/** Projections of no meaning, in the place of trained ones: the look-up goes by them, and a GPU must find what the CPU finds. */
async function writeRandomProjections(dataDir: string): Promise<void> {
  const source = await openModel(goldenPath("llama"));
  const { config } = source;
  const random = seededRandom(4);
  const values = (count: number, least: number) => Float32Array.from({ length: count }, () => least + random());
  const side = () => ({
    mean: values(config.hidden, -0.5),
    inverseDeviation: values(config.hidden, 0.5),
    weight: values(config.hidden * PROJECTED, -0.5),
  });
  const layers = projectedLayers(config).map((layer) => {
    return {
      layer,
      question: side(),
      block: side(),
      tokenWeight: values(config.hidden, -0.5),
      steps: new Float32Array(PROJECTED).fill(0.05),
    };
  });
  const modelHash = await source.hash();
  await source.close();
  const path = trainedProjections(dataDir, modelHash);
  mkdirSync(dirname(path), { recursive: true });
  await writeProjections(path, { modelHash, layers, figures: {} });
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
    await writeRandomProjections(dataDir);
    const lookedUp = vi.spyOn(TokenScorer.prototype, "score");
    const gpu = await open(dataDir, "webgpu");
    const read = await gpu.ingest({ folder }, context);
    expect(read).toMatchObject({ files: names.length, encodedTokens: read.tokens });
    expect(await gpu.status(folder)).toMatchObject({ device: "software (WebGPU)", deviceReason: "chosen" });
    expect((await gpu.status(folder)).deviceBytes).toBeGreaterThan(100_000);
    const question = "What does capstan do?";
    const { blocks } = await gpu.recall({ folder, question, top: 1 }, context);
    expect(blocks).toMatchObject([{ path: "src/capstan.py" }]);
    expect(lookedUp.mock.settledResults.map(({ type }) => type)).toEqual(["fulfilled"]);

    const first = await answer(gpu, { folder, question, maxTokens: 8, lookAgain: 3 });
    // For the question, and twice while it was answered.
    expect(lookedUp.mock.settledResults.map(({ type }) => type)).toEqual(Array(4).fill("fulfilled"));
    expect(await gpu.status(folder)).not.toHaveProperty("deviceFull");
    expect(first.tokens).toMatchObject({ generated: 8 });
    expect(first.tokens.memory).toBeGreaterThan(100);
    expect(first.citations.length).toBeGreaterThan(0);

    // What the GPU encoded is what the CPU answers from: the store knows no devices.
    const cpu = await open(dataDir, "cpu");
    const pathsOf = async (engine: Engine) => {
      const hits = await engine.recall({ folder, question: "the value of berth", top: 3 }, context);
      return hits.blocks.map(({ path }) => path);
    };
    const same = await answer(cpu, { folder, question, maxTokens: 8, lookAgain: 3 });
    expect(await pathsOf(gpu)).toEqual(await pathsOf(cpu));
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
