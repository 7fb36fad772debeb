import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { type DeviceOptions, ModelDevice } from "../../engine/inference/choose-device.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { writeConverted } from "../../engine/inference/converted-model.ts";
import { DeviceRecords } from "../../engine/inference/device-records.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { decodeLogits, largestDifference } from "../support/all-logits.ts";
import { packFloatModel } from "../support/float-model.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomTokens } from "../support/tiny-tokens.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "../support/swiftshader.ts";

const faulty = new URL("self-test-child.ts", import.meta.url);
const hardware = () => Promise.resolve({ hardware: ["A GPU"], fingerprint: "a GPU" });
const none = () => Promise.resolve({ hardware: [], fingerprint: "none" });

/** A tiny model in full precision, closed after the test: the CPU rounds nothing, so a GPU's numbers must be the same. */
async function openConverted(positions?: number): Promise<LanguageModel> {
  const source = await openModel(goldenPath("llama"));
  const converted = await packFloatModel(source, temporaryFolder(), positions);
  await source.close();
  await writeConverted(converted.folder, converted.manifest, converted.tokenizerFiles);
  const model = await LanguageModel.open(converted, 1);
  onTestFinished(() => model.close());
  return model;
}

async function chosen(model: LanguageModel, options: Partial<DeviceOptions>): Promise<ModelDevice> {
  const dataDir = options.dataDir ?? temporaryFolder();
  const device = new ModelDevice({
    choice: "auto",
    delayMs: 0,
    threads: 1,
    log: () => undefined,
    gpus: hardware,
    ...options,
    dataDir,
  });
  onTestFinished(() => device.close());
  await device.choose(model);
  return device;
}

test("a machine without a GPU, and one that is told so, stay on the CPU and start no test", async () => {
  const model = await openConverted();
  const options = { program: new URL("not-there.ts", import.meta.url) };
  expect((await chosen(model, { ...options, gpus: none })).status).toMatchObject({
    device: "CPU, 1 threads",
    deviceReason: "no-gpu",
  });
  expect((await chosen(model, { ...options, choice: "cpu" })).status).toMatchObject({ deviceReason: "chosen" });
});

test("an engine that is closed before its test begins, or ends, starts none and waits for none", async () => {
  vi.stubEnv("REPO_MEMORY_TEST_FAULT", "late");
  onTestFinished(() => void vi.unstubAllEnvs());
  const model = await openConverted();
  for (const delayMs of [60_000, 0]) {
    const options = {
      choice: "auto" as const,
      threads: 1,
      log: () => undefined,
      gpus: hardware,
      program: faulty,
      delayMs,
    };
    const device = new ModelDevice({ ...options, dataDir: temporaryFolder() });
    const choosing = device.choose(model);
    await vi.waitFor(() => expect(device.status.deviceReason).toBe("testing"));
    await device.close();
    await choosing;
  }
});

test.each([
  { fault: "killed", deviceReason: "crashed", deviceDetail: "SIGKILL", limitMs: 60_000 },
  { fault: "late", deviceReason: "late", deviceDetail: "no result in 1 s", limitMs: 1_000 },
  { fault: "nonsense", deviceReason: "crashed", deviceDetail: "a result that cannot be read", limitMs: 60_000 },
])("a self-test that is $fault ends on the CPU, which the status says", async ({ fault, limitMs, ...status }) => {
  vi.stubEnv("REPO_MEMORY_TEST_FAULT", fault);
  onTestFinished(() => void vi.unstubAllEnvs());
  const device = await chosen(await openConverted(), { program: faulty, limitMs });
  expect(device.status).toEqual({ device: "CPU, 1 threads", ...status });
});

describe.skipIf(!HAS_SWIFTSHADER)("with a GPU in software", () => {
  beforeAll(checkSwiftShader);

  test("a graph that computes something else ends on the CPU", async () => {
    const device = await chosen(await openConverted(), { program: faulty, choice: "webgpu" });
    expect(device.status).toMatchObject({ device: "CPU, 1 threads", deviceReason: "wrong" });
    expect(device.status.deviceDetail).toContain("1 tokens");
  });

  test("a GPU whose windows lose what they had when they grow ends on the CPU", async () => {
    vi.stubEnv("REPO_MEMORY_TEST_FAULT", "forgets what grows");
    onTestFinished(() => void vi.unstubAllEnvs());
    const device = await chosen(await openConverted(1024), { program: faulty, choice: "webgpu" });
    expect(device.status).toMatchObject({ device: "CPU, 1 threads", deviceReason: "wrong" });
    expect(device.status.deviceDetail).toContain("a window that has grown");
  });

  test("a model of few positions is tested with no more than it has", async () => {
    const device = await chosen(await openConverted(150), { choice: "webgpu" });
    expect(device.status).toMatchObject({ device: "A GPU (WebGPU)", deviceReason: "chosen" });
  });

  test("a GPU that has no memory for a window beside the model ends on the CPU", async () => {
    vi.stubEnv("REPO_MEMORY_TEST_FAULT", "small");
    onTestFinished(() => void vi.unstubAllEnvs());
    const device = await chosen(await openConverted(), { program: faulty });
    expect(device.status).toEqual({
      device: "CPU, 1 threads",
      deviceReason: "small",
      deviceDetail: "no room for a window of 1024 tokens beside the model",
    });
  });

  test("a GPU with memory for a small window gets small windows, and the CPU the others", async () => {
    vi.stubEnv("REPO_MEMORY_TEST_FAULT", "dies of asking for more");
    onTestFinished(() => void vi.unstubAllEnvs());
    const [model, plain] = [await openConverted(2048), await openConverted(2048)];
    const dataDir = temporaryFolder();
    const lines: string[] = [];
    const device = await chosen(model, { program: faulty, dataDir, log: (line) => void lines.push(line) });
    const { deviceBytes = 0, deviceMostBytes = 0, ...status } = device.status;
    expect(status).toEqual({ device: "A GPU (WebGPU)", deviceReason: "passed", deviceTokens: 1024 });
    expect(deviceMostBytes).toBeGreaterThan(deviceBytes);
    expect([model.mostSlots, model.batchRows]).toEqual([1024, 512]);
    const tokens = randomTokens(1_030, 1);
    const [window, expected] = [model.window(0), plain.window(0)];
    const both = async (run: (side: LanguageModel, of: AttentionWindow) => Promise<Float32Array>) =>
      expect(largestDifference(await run(model, window), await run(plain, expected))).toBeLessThan(1e-3);
    await both((side, of) => side.read(of, tokens.subarray(0, 100), 0));
    await both(async (side, of) => (await side.decode(of, 7, 100)).logits);
    expect(window.awayTokens).toHaveLength(1);
    expect(device.status.deviceBytes).toBeLessThanOrEqual(deviceMostBytes);
    // Beyond what the GPU holds: what it wrote is read again, and this text goes on without it.
    await both((side, of) => side.read(of, tokens, 101));
    expect(window.awayTokens).toHaveLength(0);
    const full = "A window of 1536 tokens, where there is room for 1024";
    expect(device.status).toMatchObject({ deviceFull: full });
    await both(async (side, of) => (await side.decode(of, 7, of.length)).logits);
    // Not once more for each token.
    expect(lines.slice(1)).toEqual([`The CPU computes what the GPU has no room for: ${full}.`]);
    // Another text has the GPU again.
    const next = model.window(0);
    await model.decode(next, 7, 0);
    expect(next.awayTokens).toHaveLength(1);
    expect(device.status.device).toBe("A GPU (WebGPU)");
    // The next start knows it without a test.
    const again = await chosen(await openConverted(2048), {
      program: new URL("not-there.ts", import.meta.url),
      dataDir,
    });
    expect(again.status).toMatchObject({ deviceTokens: 1024 });
  });

  test("auto leaves a GPU that is slower than the CPU", async () => {
    const device = await chosen(await openConverted(), {});
    expect(device.status).toMatchObject({ device: "CPU, 1 threads", deviceReason: "slow" });
  });

  test("auto goes over to a GPU that has passed, in the middle of a text", async () => {
    vi.stubEnv("REPO_MEMORY_TEST_FAULT", "none");
    onTestFinished(() => void vi.unstubAllEnvs());
    const tokens = [...randomTokens(9, 2)];
    const expected = await decodeLogits(await openConverted(), tokens);
    const model = await openConverted();
    const { vocabulary } = model.config;
    const window = model.window(tokens.length);
    let device: ModelDevice | undefined;
    for (const [position, token] of tokens.entries()) {
      if (position === 5) device = await chosen(model, { program: faulty });
      const { logits } = await model.decode(window, token, position);
      const own = expected.subarray(position * vocabulary, (position + 1) * vocabulary);
      expect(largestDifference(logits, own)).toBeLessThan(1e-2 * (Math.max(...own) - Math.min(...own)));
    }
    expect(window.awayTokens).toHaveLength(4);
    expect(device?.status).toMatchObject({
      device: "A GPU (WebGPU)",
      deviceReason: "passed",
      deviceDetail: "1 ms for a short answer, 2 ms on the CPU",
    });
  });

  test("one that fails in the middle of a text costs neither the text nor the window", async () => {
    const tokens = [...randomTokens(24, 1)];
    const expected = await decodeLogits(await openConverted(), tokens);
    const model = await openConverted();
    const dataDir = temporaryFolder();
    const device = await chosen(model, { choice: "webgpu", dataDir });
    expect(device.status).toMatchObject({ device: "A GPU (WebGPU)", deviceReason: "chosen" });
    const run = vi.spyOn(Session.prototype, "runInto");
    const { vocabulary } = model.config;
    const window = model.window(tokens.length);
    for (const [position, token] of tokens.entries()) {
      if (position === 12) run.mockRejectedValueOnce(new DeviceLost("The GPU failed in work"));
      const { logits } = await model.decode(window, token, position);
      const range = expected.subarray(position * vocabulary, (position + 1) * vocabulary);
      expect(largestDifference(logits, range)).toBeLessThan(1e-2 * (Math.max(...range) - Math.min(...range)));
      expect(window.awayTokens.length).toBe(position < 12 ? position + 1 : 0);
    }
    expect(device.status).toMatchObject({ device: "CPU, 1 threads", deviceReason: "lost" });
    // What was tested once is not tested again: the program of this one would fail.
    const again = await chosen(await openConverted(), { choice: "webgpu", dataDir, program: faulty });
    expect(again.status).toMatchObject({ device: "A GPU (WebGPU)" });
  });
});

test("processes that died with the GPU in use are held against it: one for minutes, two in a row for a week", () => {
  const dataDir = temporaryFolder();
  const records = new DeviceRecords(dataDir, ["a"]);
  records.note({ reason: "passed", detail: "" });
  const dies = (pid: number) => {
    vi.spyOn(process, "pid", "get").mockReturnValueOnce(pid);
    records.begin();
  };
  const reasons = (...minutes: number[]) =>
    minutes.map((count) => records.outcome(Date.now() + count * 60_000)?.reason);
  dies(2 ** 30);
  expect(reasons(0, 9, 11)).toEqual(["crashed", "crashed", "passed"]);
  records.begin();
  records.end(true);
  expect(reasons(0)).toEqual(["passed"]);
  dies(2 ** 30 + 1);
  expect(reasons(0, 11)).toEqual(["crashed", "passed"]);
  dies(2 ** 30 + 2);
  expect(reasons(0, 11, 6 * 24 * 60, 8 * 24 * 60)).toEqual(["crashed", "crashed", "crashed", undefined]);
  expect(new DeviceRecords(dataDir, ["b"]).outcome()).toBeUndefined();
});

test("a failed test is due again after a week, a passed one never", () => {
  const records = new DeviceRecords(temporaryFolder(), ["a"]);
  const later = Date.now() + 8 * 24 * 3600 * 1000;
  records.note({ reason: "late", detail: "" });
  expect([records.outcome()?.reason, records.outcome(later)]).toEqual(["late", undefined]);
  records.note({ reason: "passed", detail: "" });
  expect(records.outcome(later)?.reason).toBe("passed");
});
