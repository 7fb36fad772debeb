/** Whether a GPU computes what the CPU does, and faster: every graph of `DeviceModel` on small inputs, in windows of 512 and 1,024 slots. Run in a process of its own. */
import type { LayerKv } from "../blocks/block.ts";
import type { ModelConfig } from "../models/model-source.ts";
import type { DeviceReason } from "../protocol/device.ts";
import { ropeTable } from "../graph/rope.ts";
import { PROJECTED } from "../retrieval/projections.ts";
import { packEntry, TokenIndex } from "../retrieval/token-index.ts";
import { TokenScorer } from "../retrieval/token-scorer.ts";
import { DeviceLost } from "../runtime/device-lost.ts";
import { AttentionWindow } from "./attention-window.ts";
import { type ConvertedModel, readConverted } from "./converted-model.ts";
import { type DeviceFolder, DeviceModel } from "./device-model.ts";
import { windowSizes } from "./device-windows.ts";
import { LanguageModel } from "./language-model.ts";
import { createRandom } from "./random.ts";
import { batchRows } from "./text-batch.ts";

/** What a self-test found. */
export interface SelfTestResult {
  reason: Extract<DeviceReason, "passed" | "wrong" | "slow" | "failed" | "small">;
  detail: string;
  /** Slots of windows that the device gave room for, where it passed. */
  slots?: number;
}

interface SelfTestOptions {
  threads: number;
  /** Whether slower than the CPU is a failure. */
  isTimed: boolean;
  /** How the device's side is opened: faults are put in here. */
  open?: (side: DeviceFolder, threads: number) => Promise<DeviceModel>;
  /** Hears how the test would end, each time that the device gave more room: asking for still more may crash its driver. */
  onPassed?: (result: SelfTestResult) => void;
}

/** Of the range of the CPU's numbers. WebGPU's float32 is within 4e-5; where a kernel is wrong, errors are above this. */
const TOLERANCE = 1e-2;
/** Tokens of the runs that are compared: kernels differ by the number of rows. All of them stand in a window's first buffers. */
const RUNS = [1, 3, 70, 130];
/** Slots that are filled behind them, as blocks fill them: the window gets larger buffers, with what it had in the first. */
const PLACED = 400;
/** Blocks of the look-up that is compared. */
const LOOKED_UP = 70;
/** Tokens of texts that go through one run. */
const BATCH = [9, 1, 20];
const WANTS = { queries: true, residuals: true };
/** A question and its answer, whose times are compared: runs of so many tokens, and decoded tokens. */
const TIMED = { rows: 128, runs: 2, steps: 64 };

/** Tests a converted model's device graphs, then how much memory the device has for windows. */
export async function selfTest(
  folder: string,
  { threads, isTimed, open = openDevice, onPassed = () => undefined }: SelfTestOptions,
): Promise<SelfTestResult> {
  const converted = await readConverted(folder);
  if (!converted) return { reason: "failed", detail: `There is no converted model in ${folder}` };
  const { config, manifest } = converted;
  const model: DeviceFolder = { folder, config, heads: manifest.heads };
  try {
    const device = await open(model, threads);
    const reference = await DeviceModel.open(model, threads, "cpu");
    const fault = await compare(model, manifest.positions, reference, device);
    await reference.close();
    const lookupFault = fault ?? (await compareLookup(threads));
    if (lookupFault !== undefined) return { reason: "wrong", detail: lookupFault };
    const { isSlow, detail } = isTimed ? await compareTimes(converted, device, threads) : { isSlow: false, detail: "" };
    if (isSlow) return { reason: "slow", detail };
    return await askForRoom(device, manifest.positions, detail, onPassed);
  } catch (error) {
    if (error instanceof DeviceLost) return { reason: "failed", detail: error.message };
    throw error;
  }
}

function openDevice(side: DeviceFolder, threads: number): Promise<DeviceModel> {
  return DeviceModel.open(side, threads);
}

async function compareTimes(converted: ConvertedModel, device: DeviceModel, threads: number) {
  const language = await LanguageModel.open(converted, threads);
  const cpu = await answerTime(language);
  language.useDevice(device, (error) => {
    throw error;
  });
  const gpu = await answerTime(language);
  return {
    isSlow: gpu >= cpu,
    detail: `${Math.round(gpu)} ms for a short answer, ${Math.round(cpu)} ms on the CPU`,
  };
}

/** Finds out how large the windows on a device may be, beside the model. */
async function askForRoom(
  device: DeviceModel,
  positions: number,
  detail: string,
  onPassed: (result: SelfTestResult) => void,
): Promise<SelfTestResult> {
  const sizes = windowSizes(positions);
  let result: SelfTestResult = {
    reason: "small",
    detail: `no room for a window of ${sizes[0]} tokens beside the model`,
  };
  await device.ask(sizes, (slots) => {
    result = { reason: "passed", detail, slots };
    onPassed(result);
  });
  return result;
}

/**
 * The first output that is not the reference's, as a sentence; undefined where all are.
 * @param positions rows of the rope tables
 */
async function compare(
  { config }: DeviceFolder,
  positions: number,
  reference: DeviceModel,
  device: DeviceModel,
): Promise<string | undefined> {
  const rope = ropeTable(config, positions);
  const random = createRandom(1);
  const sideOf = (model: DeviceModel) => ({ model, window: new AttentionWindow(config, rope, 0) });
  const sides = [sideOf(reference), sideOf(device)] as const;
  const faults: string[] = [];
  const both = async (name: string, compute: (side: Side) => Promise<Float32Array[]>) => {
    const [expected, got] = [await compute(sides[0]), await compute(sides[1])];
    expected.forEach((values, i) => {
      const difference = relativeDifference(values, got[i] ?? new Float32Array(0));
      if (!(difference <= TOLERANCE)) faults.push(`${name}: off by ${difference.toExponential(1)} of the range`);
    });
  };
  const hasPositions = (count: number) => sides[0].window.length + count <= positions;
  const someTokens = (count: number) =>
    Int32Array.from({ length: count }, () => Math.floor(random() * config.vocabulary));
  for (const rows of RUNS) {
    // One more is written behind them.
    if (!hasPositions(rows + 1)) break;
    const tokens = someTokens(rows);
    await both(`${rows} tokens`, (side) => readTokens(side, tokens));
    await both(`one token behind ${rows}`, ({ model, window }) => decodeToken(model, window, tokens[0] ?? 0));
    if (faults.length > 0) break;
  }
  if (hasPositions(Math.max(...BATCH))) {
    const texts = BATCH.map(someTokens);
    await both("texts in one run", (side) => readTexts(side, texts));
  }
  if (hasPositions(PLACED + 4)) {
    const [kv, tokens] = [someKv(config, random), someTokens(3)];
    for (const { window } of sides) window.append(kv, 0, PLACED, window.length);
    await both("tokens in a window that has grown", (side) => readTokens(side, tokens));
    await both("one token in a window that has grown", ({ model, window }) => decodeToken(model, window, 0));
  }
  return faults[0];
}

/** Whether the look-up's scores are the CPU's, as `compare` says it. */
async function compareLookup(threads: number): Promise<string | undefined> {
  const random = createRandom(2);
  const layers = 2;
  const index = new TokenIndex(layers);
  for (let block = 0; block < LOOKED_UP; block++) {
    const tokens = 1 + Math.floor(random() * 128);
    const codes = () => Int8Array.from({ length: tokens * PROJECTED }, () => Math.floor(random() * 15) - 7);
    index.add(block, packEntry(Array.from({ length: layers }, codes)));
  }
  const queries = Array.from({ length: layers }, () => ({
    queries: Float32Array.from({ length: 5 * PROJECTED }, () => random() - 0.5),
    weights: Float32Array.of(0.1, 0.2, 0.3, 0.3, 0.1),
  }));
  const cpu = new TokenScorer(index, threads, "cpu", "float32");
  const device = new TokenScorer(index, threads, "webgpu");
  const [expected, got] = [await cpu.score(queries), await device.score(queries)];
  await Promise.all([cpu.close(), device.close()]);
  const values = (scores?: Map<number, number>) =>
    Float32Array.from({ length: LOOKED_UP }, (_, block) => scores?.get(block) ?? NaN);
  const differences = expected.map((scores, layer) => relativeDifference(values(scores), values(got[layer])));
  const worst = Math.max(...differences);
  return worst <= TOLERANCE ? undefined : `look-up: off by ${worst.toExponential(1)} of the range`;
}

/** Keys and values of no meaning, un-rotated, for `PLACED` slots. */
function someKv({ layers, kvHeads, headDim }: ModelConfig, random: () => number): LayerKv {
  const rows = () => Float32Array.from({ length: PLACED * kvHeads * headDim }, () => random() - 0.5);
  const all = () => Array.from({ length: layers }, rows);
  return { keys: all(), values: all() };
}

/** A model and what it has read. */
interface Side {
  model: DeviceModel;
  window: AttentionWindow;
}

async function readTokens({ model, window }: Side, tokens: Int32Array): Promise<Float32Array[]> {
  const positions = Int32Array.from(tokens, (_, i) => window.length + i);
  const { hidden, kv, queries, residuals } = await model.run(window, { tokens, positions }, WANTS);
  window.append(kv, 0, tokens.length, window.length);
  return [hidden, ...kv.keys, ...kv.values, ...queries.values(), ...residuals.values()];
}

async function readTexts({ model, window }: Side, texts: readonly Int32Array[]): Promise<Float32Array[]> {
  const { hidden, kv, residuals } = await model.run(window, batchRows(window.length, texts), WANTS);
  return [hidden, ...kv.keys, ...kv.values, ...residuals.values()];
}

async function decodeToken(model: DeviceModel, window: AttentionWindow, token: number): Promise<Float32Array[]> {
  const { hidden, attention, logits } = await model.decode(window, token, window.length);
  return [hidden, attention, logits];
}

/** Largest difference over the reference's range; of minus infinities (left out logits) only those that both have count. */
function relativeDifference(expected: Float32Array, got: Float32Array): number {
  if (expected.length !== got.length) return Infinity;
  let [least, most, difference] = [Infinity, -Infinity, 0];
  expected.forEach((value, i) => {
    const other = got[i] ?? NaN;
    if (value === -Infinity || other === -Infinity) return;
    least = Math.min(least, value);
    most = Math.max(most, value);
    difference = Math.max(difference, Number.isFinite(other) ? Math.abs(value - other) : Infinity);
  });
  if (least > most) return Infinity;
  return difference / Math.max(most - least, 1e-6);
}

/** Milliseconds of a short question's answer, out of the best of a few runs and steps. */
async function answerTime(model: LanguageModel): Promise<number> {
  const window = model.window(0);
  const rows = Math.min(TIMED.rows, Math.floor(model.positions / 4));
  const tokens = Int32Array.from({ length: rows }, (_, i) => i % model.config.vocabulary);
  const read = await bestOf(3, async () => {
    window.truncate(0);
    await model.read(window, tokens, 0);
  });
  const step = await bestOf(4, async () => {
    await model.decode(window, 1, window.length, { attention: true, best: true });
  });
  return TIMED.runs * read + TIMED.steps * step;
}

async function bestOf(count: number, work: () => Promise<void>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    await work();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}
