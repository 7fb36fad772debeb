/** Questions to a tiny model on a GPU, one after the other and each in a window of its own: nothing of them may pile up. */
import type { LayerKv } from "../../engine/blocks/block.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { PROJECTED } from "../../engine/retrieval/projections.ts";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { type DeviceHoldings, heldOnDevices } from "../../engine/runtime/session.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { packFloatModel } from "./float-model.ts";
import { seededRandom } from "./random.ts";
import { randomTokens } from "./tiny-tokens.ts";

const POSITIONS = 2048;
/** Slots of all windows: not enough for every three that follow on each other, so that some make room. */
const ROOM = 2560;
/** Tokens of memory, question by question and over again: windows of one, one, two, three steps of slots, and one. */
const MEMORIES = [24, 300, 600, 1_100, 24];
const [PREFIX_TOKENS, QUESTION_TOKENS, ANSWER_TOKENS] = [16, 8, 2];
/** Of the index that is looked up in; once a round a block goes and another comes. */
const [BLOCKS, LAYERS, BLOCK_TOKENS] = [60, 2, 128];

/** After so many questions all is as it was so many before, if nothing piles up. */
export const ROUND = MEMORIES.length;

/**
 * Asks, and closes all.
 * @param folder an empty one, for the model's graphs @param onAsked hears what is on the device behind each question
 */
export async function askOnDevice(
  folder: string,
  count: number,
  onAsked: (held: DeviceHoldings) => void,
): Promise<void> {
  const source = await openModel(goldenPath("llama"));
  const model = await LanguageModel.open(await packFloatModel(source, folder, POSITIONS), 1);
  await source.close();
  const device = await DeviceModel.open({ folder, config: model.config, heads: model.attentionHeads }, 1);
  device.hold(ROOM);
  model.useDevice(device, refuse, refuse);
  const index = new TokenIndex(LAYERS);
  for (let block = 0; block < BLOCKS; block++) index.add(block, codes(block));
  const lookup = new TokenScorer(index, 1, "webgpu");
  const prefix = model.window(PREFIX_TOKENS);
  await model.read(prefix, randomTokens(PREFIX_TOKENS, 0), 0);
  // Whose window is collected, and when, must not decide which buffers the next one gets.
  const recent: AttentionWindow[] = [];
  for (let question = 0; question < count; question++) {
    if (question % ROUND === 0) {
      index.remove(question / ROUND);
      index.add(BLOCKS + question / ROUND, codes(question));
      await model.onDevice(() => lookup.score(queries(question)));
    }
    const window = await ask(model, prefix, question);
    recent.push(window);
    if (recent.length > 3) recent.shift();
    onAsked(heldOnDevices());
  }
  await lookup.close();
  await model.close();
}

/** The CPU going on would hold nothing, and prove nothing. */
function refuse(error: Error): never {
  throw error;
}

/** Reads the question behind the prefix, as a look-up does, and then behind its memory; writes an answer. */
async function ask(model: LanguageModel, prefix: AttentionWindow, question: number): Promise<AttentionWindow> {
  const tokens = randomTokens(QUESTION_TOKENS, question);
  const positions = Int32Array.from(tokens, (_, i) => prefix.length + i);
  await model.run(prefix, tokens, positions, { residuals: true });
  const memory = MEMORIES[question % ROUND] ?? 0;
  const window = prefix.copy(prefix.length + memory + QUESTION_TOKENS + ANSWER_TOKENS);
  window.append(someKv(model, memory, question), 0, memory, window.length);
  await model.read(window, tokens, window.length);
  for (let token = 0; token < ANSWER_TOKENS; token++)
    await model.decode(window, 5 + token, window.length, { attention: true, best: true });
  return window;
}

function someKv({ config }: LanguageModel, rows: number, seed: number): LayerKv {
  const random = seededRandom(seed);
  const numbers = () => Float32Array.from({ length: rows * config.kvHeads * config.headDim }, () => random() - 0.5);
  const layers = () => Array.from({ length: config.layers }, numbers);
  return { keys: layers(), values: layers() };
}

function codes(seed: number): Uint8Array {
  const random = seededRandom(seed);
  const layer = () => Int8Array.from({ length: BLOCK_TOKENS * PROJECTED }, () => Math.floor(random() * 15) - 7);
  return packEntry(Array.from({ length: LAYERS }, layer));
}

function queries(seed: number) {
  const random = seededRandom(seed);
  return Array.from({ length: LAYERS }, () => ({
    queries: Float32Array.from({ length: QUESTION_TOKENS * PROJECTED }, () => random() - 0.5),
    weights: new Float32Array(QUESTION_TOKENS).fill(1 / QUESTION_TOKENS),
  }));
}
