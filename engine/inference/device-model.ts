/** A model's decoder on a GPU: weights and windows stay there, tokens go up, and what somebody wants comes down. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LayerKv } from "../blocks/block.ts";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { writeDeviceDecoder, writeGrowth, writeWindowRows, writeWindowTouch } from "../graph/device-decoder.ts";
import { newNames } from "../graph/decoder.ts";
import { readPackedHead, readPackedModel, storedBytes } from "../graph/packed-layers.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { DeviceLost } from "../runtime/device-lost.ts";
import { floats, type Provider, Session, type Tensor } from "../runtime/session.ts";
import type { AttentionWindow } from "./attention-window.ts";
import { type DeviceWindow, SLOT_STEP } from "./device-window.ts";
import { DeviceWindows } from "./device-windows.ts";
import { type Rows, rowFeeds, seenBy } from "./device-rows.ts";
import { observedLayers, projectedLayers, type AttentionHeads } from "./observed-layers.ts";

/** Counts up whenever the device's graphs change: GPUs that passed with others are tested again. */
export const DEVICE_GRAPHS_VERSION = 6;
/** Of what a layer computes at once (scores of all queries, or its widest states): more would not fit the buffers that devices bind. */
const RUN_BYTES = 64 * 2 ** 20;
/** Rows of one run, which a run of more is cut into: what fills a large GPU, and is over soon for who waits with a question. */
const MOST_ROWS = 1024;
/** Rows of runs are counted in such steps when a batch is sized. */
const BATCH_STEP = 128;

/** What a device model is made of. */
export interface DeviceFolder {
  folder: string;
  config: ModelConfig;
  heads: AttentionHeads;
}

/** What one run leaves behind; the maps are empty unless asked for. */
export interface DeviceRun {
  kv: LayerKv;
  hidden: Float32Array;
  queries: Map<number, Float32Array>;
  residuals: Map<number, Float32Array>;
}

/** What one decoded token leaves behind. */
export interface DeviceStep {
  /** [hidden] */
  hidden: Float32Array;
  /** Attention of the retrieval heads, added up over them, by slot: the token's own included. */
  attention: Float32Array;
  /** [vocabulary]; those below the best as minus infinity. */
  logits: Float32Array;
}

interface Sessions {
  decoder: Session;
  keyGrowth: Session;
  valueGrowth: Session;
  rows: Session;
  touch: Session;
}

/** Runs one thing at a time: a window's free slots are what every run works in. */
export class DeviceModel {
  readonly #config: ModelConfig;
  readonly #heads: AttentionHeads;
  readonly #sessions: Sessions;
  readonly #windows: DeviceWindows;
  #last: Promise<unknown> = Promise.resolve();
  readonly #weightBytes: number;

  private constructor({ config, heads }: DeviceFolder, sessions: Sessions, weightBytes: number) {
    this.#config = config;
    this.#heads = heads;
    this.#sessions = sessions;
    this.#windows = new DeviceWindows(config, sessions);
    this.#weightBytes = weightBytes;
  }

  /** Loads a converted model's decode path. @throws DeviceLost @param provider "cpu" runs the same graphs there, to compare */
  static async open(model: DeviceFolder, threads: number, provider: Provider = "webgpu"): Promise<DeviceModel> {
    const { folder, config, heads } = model;
    const stored = readPackedModel(await readFile(join(folder, "decode.onnx")), config);
    const head = readPackedHead(await readFile(join(folder, "head.onnx")), config);
    const outputs = {
      queriesOf: observedLayers(heads),
      hiddenOf: projectedLayers(config),
      attentionOf: heads.retrieval,
    };
    const opened: Session[] = [];
    const load = async (graph: Uint8Array, keepsOutputs = false) => {
      const session = await Session.open(graph, {
        threads,
        dataFolder: folder,
        provider,
        keepsOutputs: keepsOutputs && provider === "webgpu",
      });
      opened.push(session);
      return session;
    };
    try {
      const sessions = {
        decoder: await load(writeDeviceDecoder(config, stored, head, outputs)),
        keyGrowth: await load(writeGrowth(config, "keys"), true),
        valueGrowth: await load(writeGrowth(config, "values"), true),
        rows: await load(writeWindowRows(config)),
        touch: await load(writeWindowTouch(config)),
      };
      return new DeviceModel(model, sessions, storedBytes(stored) + storedBytes(head));
    } catch (error) {
      await Promise.all(opened.map((session) => session.close()));
      throw error;
    }
  }

  /** Bytes that all runs moved so far. */
  get transfers(): { up: number; down: number } {
    const all = Object.values(this.#sessions).map((session: Session) => session.transfers);
    return {
      up: all.reduce((sum, { up }) => sum + up, 0),
      down: all.reduce((sum, { down }) => sum + down, 0),
    };
  }

  /** Of the device's memory: weights and windows, without what single runs need. */
  get bytes(): number {
    return this.#weightBytes + this.#windows.bytes;
  }

  /** Slots that all windows together may have. */
  get mostSlots(): number {
    return this.#windows.mostSlots;
  }

  /** Of the device's memory, what `bytes` may become. */
  get mostBytes(): number {
    const { layers, kvHeads, headDim } = this.#config;
    return this.#weightBytes + layers * 2 * kvHeads * headDim * this.mostSlots * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Keeps windows to what the self-test was given: `DeviceWindows.hold`. */
  hold(slots: number): void {
    this.#windows.hold(slots);
  }

  /** See `DeviceWindows.ask`. */
  ask(sizes: readonly number[], granted: (slots: number) => void): Promise<void> {
    return this.#inTurn(() => this.#windows.ask(sizes, granted));
  }

  /** Tokens that one run takes of texts that stand behind a short window each: so many fill a GPU, and fit it. */
  get batchRows(): number {
    let rows = PREFILL_ROWS;
    const fits = (count: number) => {
      const slots = count + SLOT_STEP;
      return count <= this.#mostRows(slots) && slots <= this.mostSlots;
    };
    while (fits(rows + BATCH_STEP)) rows += BATCH_STEP;
    return rows;
  }

  /**
   * Runs tokens behind `window`, which is not changed; on the device their keys and values stand in its next slots, until
   * another run.
   */
  run(
    window: AttentionWindow,
    rows: Rows,
    wants: { hidden?: boolean; queries?: boolean; residuals?: boolean; kv?: boolean },
  ): Promise<DeviceRun> {
    return this.#inTurn(async () => {
      const device = await this.#placed(window, rows.tokens.length);
      const layers = Array.from({ length: this.#config.layers }, (_, layer) => layer);
      const kv = wants.kv === false ? [] : layers.flatMap((layer) => Object.values(newNames(layer)));
      const queriesOf = wants.queries ? observedLayers(this.#heads) : [];
      const residualsOf = wants.residuals ? projectedLayers(this.#config) : [];
      const fetches = [
        ...kv,
        "hidden",
        ...queriesOf.map((layer) => `query.${layer}`),
        ...residualsOf.map((layer) => `residual.${layer}`),
      ];
      const parts = await this.#runRows(device, window, rows, fetches);
      const read = (name: string) =>
        fetches.includes(name) ? joined(parts.map((outputs) => floats(outputs, name))) : new Float32Array(0);
      return {
        kv: {
          keys: layers.map((layer) => read(newNames(layer).keys)),
          values: layers.map((layer) => read(newNames(layer).values)),
        },
        hidden: read("hidden"),
        queries: new Map(queriesOf.map((layer) => [layer, read(`query.${layer}`)])),
        residuals: new Map(residualsOf.map((layer) => [layer, read(`residual.${layer}`)])),
      };
    });
  }

  /** Runs one token and leaves it in the window's next slot on the device; the caller counts it in. */
  decode(window: AttentionWindow, token: number, position: number): Promise<DeviceStep> {
    return this.#inTurn(async () => {
      const device = await this.#placed(window, 1);
      const one = { tokens: Int32Array.of(token), positions: Int32Array.of(position) };
      const names = ["hidden", "attention", "best", "ids"];
      const [outputs = {}] = await this.#runRows(device, window, one, names);
      return {
        hidden: floats(outputs, "hidden"),
        attention: floats(outputs, "attention").subarray(0, window.length + 1),
        logits: this.#logits(outputs),
      };
    });
  }

  /** Logits [vocabulary], those below the best as minus infinity. */
  #logits(outputs: Readonly<Record<string, Tensor>>): Float32Array {
    const ids = outputs["ids"]?.data;
    if (!(ids instanceof BigInt64Array)) throw new TypeError("The graph gave no ids");
    const logits = new Float32Array(this.#config.vocabulary).fill(-Infinity);
    floats(outputs, "best").forEach((logit, i) => (logits[Number(ids[i])] = logit));
    return logits;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#windows.dispose();
    await Promise.all(Object.values(this.#sessions).map((session: Session) => session.close()));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** The window's buffers, up to date, with `rows` free slots. */
  async #placed(window: AttentionWindow, rows: number): Promise<DeviceWindow> {
    const { device, isNew } = await this.#windows.place(window, rows);
    if (isNew && window.awayTokens.length > 0)
      await this.#readAgain(device, window, window.length - window.awayTokens.length);
    return device;
  }

  /** Tokens whose keys and values were in buffers that another window got. */
  async #readAgain(device: DeviceWindow, window: AttentionWindow, from: number): Promise<void> {
    const tokens = Int32Array.from(window.awayTokens, ({ token }) => token);
    const positions = Int32Array.from(window.awayTokens, ({ position }) => position);
    await this.#runRows(device, window, { tokens, positions }, ["hidden"], from);
  }

  /** Runs tokens in the slots from `start` on, cut into runs that fit; each run's outputs. */
  async #runRows(
    device: DeviceWindow,
    window: AttentionWindow,
    rows: Rows,
    fetches: readonly string[],
    start = window.length,
  ): Promise<Record<string, Tensor>[]> {
    const count = rows.tokens.length;
    const step = Math.max(1, this.#mostRows(device.capacity));
    const seen = seenBy(window, device.capacity, start, count);
    const parts: Record<string, Tensor>[] = [];
    for (let from = 0; from < count; from += step) {
      const to = Math.min(from + step, count);
      const feeds = { ...device.feeds(), ...rowFeeds(this.#config, rows, seen, { from, to }, start) };
      const outputs = await this.#sessions.decoder.runInto(feeds, device.places(), fetches);
      checkNumbers(floats(outputs, "hidden"));
      parts.push(outputs);
    }
    return parts;
  }

  /** Rows of one run in a window of `slots`. */
  #mostRows(slots: number): number {
    const { heads, intermediate } = this.#config;
    const widest = Math.max(slots * heads, 2 * intermediate) * Float32Array.BYTES_PER_ELEMENT;
    return Math.min(MOST_ROWS, Math.floor(RUN_BYTES / widest));
  }
}

/** A device that failed may say so by giving nothing. @throws DeviceLost */
function checkNumbers(hidden: Float32Array): void {
  const isSound = hidden.every((value) => Number.isFinite(value)) && hidden.some((value) => value !== 0);
  if (!isSound) throw new DeviceLost("The GPU computed no usable numbers");
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1 && parts[0]) return parts[0];
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
