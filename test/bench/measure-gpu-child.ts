/** Measures a converted model on a GPU and on the CPU: `node measure-gpu-child.ts FOLDER THREADS IS_SOFTWARE`; prints JSON. */
import type { LayerKv } from "../../engine/blocks/block.ts";
import { type ConvertedModel, readConverted } from "../../engine/inference/converted-model.ts";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { seededRandom } from "../support/random.ts";
import { median, rounded, timed } from "./measure-child.ts";

/** Tokens that stand in the window while tokens are written. */
const MEMORY_TOKENS = 2048;
/** Tokens of a question that are looked up by, and layers that have projections. */
const [QUESTION_TOKENS, LAYERS, BLOCK_TOKENS] = [12, 2, 128];
/** Blocks that are looked up in: a million tokens. */
const BLOCKS = 8192;

/** How much of each is measured; software takes ten seconds and more a token. */
interface Amount {
  prefillTokens: number;
  runs: number;
  decodeTokens: number;
}

const HARDWARE: Amount = { prefillTokens: 512, runs: 5, decodeTokens: 32 };
const SOFTWARE: Amount = { prefillTokens: 64, runs: 1, decodeTokens: 2 };

async function measure(folder: string, threads: number, amount: Amount): Promise<object> {
  const converted = await readConverted(folder);
  if (!converted) throw new Error(`There is no converted model in ${folder}`);
  const cpu = await speeds(await LanguageModel.open(converted, threads), amount);
  const language = await LanguageModel.open(converted, threads);
  const device = await openDevice(converted, threads);
  language.useDevice(device, (error) => {
    throw error;
  });
  let before = { up: 0, down: 0 };
  const gpu = await speeds(language, amount, () => (before = device.transfers));
  const { up, down } = device.transfers;
  const index = filledIndex();
  const [onCpu, onDevice] = [new TokenScorer(index, threads, "cpu"), new TokenScorer(index, threads, "webgpu")];
  const queries = questions();
  const [cpuLookup, lookup] = [await best(() => onCpu.score(queries)), await best(() => onDevice.score(queries))];
  return {
    ...gpu,
    lookupMs: rounded(lookup),
    lookupTokens: BLOCKS * BLOCK_TOKENS,
    bytesPerToken: Math.round((up - before.up + down - before.down) / amount.decodeTokens),
    deviceBytes: device.bytes + onDevice.bytes,
    cpu: { ...cpu, lookupMs: rounded(cpuLookup) },
  };
}

function openDevice({ folder, config, manifest }: ConvertedModel, threads: number): Promise<DeviceModel> {
  return DeviceModel.open({ folder, config, heads: manifest.heads }, threads);
}

/** @param onSteady called when the window and all shaders are on the device */
async function speeds(model: LanguageModel, amount: Amount, onSteady = () => {}) {
  const tokens = Int32Array.from({ length: amount.prefillTokens }, (_, i) => 100 + (i % 1000));
  const positions = Int32Array.from(tokens, (_, i) => i);
  const empty = model.window(0);
  const reads: number[] = [];
  // The first run is the one that makes shaders.
  for (let run = 0; run <= amount.runs; run++) {
    const { ms } = await timed(() => model.run(empty, tokens, positions, { hidden: true }));
    if (run > 0) reads.push(ms);
  }
  const window = model.window(MEMORY_TOKENS + amount.decodeTokens + 1);
  window.append(memory(model), 0, MEMORY_TOKENS, 0);
  await model.decode(window, 100, window.length, { attention: true, best: true });
  onSteady();
  const steps: number[] = [];
  for (let token = 0; token < amount.decodeTokens; token++) {
    const wants = { attention: true, best: true };
    steps.push((await timed(() => model.decode(window, 101 + token, window.length, wants))).ms);
  }
  return {
    prefill: rounded((amount.prefillTokens * 1000) / median(reads)),
    decode: rounded(1000 / median(steps)),
  };
}

/** Keys and values of no meaning. */
function memory({ config }: LanguageModel): LayerKv {
  const random = seededRandom(1);
  const rows = () =>
    Float32Array.from({ length: MEMORY_TOKENS * config.kvHeads * config.headDim }, () => random() - 0.5);
  const layers = () => Array.from({ length: config.layers }, rows);
  return { keys: layers(), values: layers() };
}

function filledIndex(): TokenIndex {
  const random = seededRandom(2);
  const index = new TokenIndex(LAYERS);
  const codes = () => Int8Array.from({ length: BLOCK_TOKENS * PROJECTED }, () => Math.floor(random() * 15) - 7);
  const some = Array.from({ length: 64 }, () => packEntry(Array.from({ length: LAYERS }, codes)));
  for (let block = 0; block < BLOCKS; block++) index.add(block, some[block % some.length] ?? new Uint8Array(0));
  return index;
}

function questions() {
  const random = seededRandom(3);
  return Array.from({ length: LAYERS }, () => ({
    queries: Float32Array.from({ length: QUESTION_TOKENS * PROJECTED }, () => random() - 0.5),
    weights: new Float32Array(QUESTION_TOKENS).fill(1 / QUESTION_TOKENS),
  }));
}

async function best(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 3; run++) times.push((await timed(work)).ms);
  return Math.min(...times);
}

const [folder = "", threads = "", isSoftware = ""] = process.argv.slice(2);
console.log(JSON.stringify(await measure(folder, Number(threads), isSoftware === "true" ? SOFTWARE : HARDWARE)));
process.exit(0);
