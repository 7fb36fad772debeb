/** An attention window's keys and values in a GPU's memory, brought up to date from the window's own when it is next used. */
import { pastNames } from "../graph/attention.ts";
import { filledNames } from "../graph/device-decoder.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { DeviceFull, DeviceLost } from "../runtime/device-lost.ts";
import { type Feeds, floats, floatTensor, integerTensor, type Session } from "../runtime/session.ts";
import type { AttentionWindow, SlotRange } from "./attention-window.ts";

/** Windows have a multiple of so many slots: a graph is prepared for each size that it meets. */
export const SLOT_STEP = 512;
/** Rows that one run uploads: bounds what lies in memory twice. */
const UPLOAD_ROWS = 512;

/** Graphs that move windows. */
interface WindowSessions {
  /** `writeGrowth`; their outputs stay on the device. */
  keyGrowth: Session;
  valueGrowth: Session;
  /** `writeWindowRows`. */
  rows: Session;
  /** `writeWindowTouch`. */
  touch: Session;
}

/** Buffers of all layers: keys [kvHeads, headDim, capacity], values [kvHeads, capacity, headDim]. They are disposed of, never collected. */
export class DeviceWindow {
  readonly #config: ModelConfig;
  readonly #sessions: WindowSessions;
  #buffers: Feeds = {};
  #capacity = 0;

  constructor(config: ModelConfig, sessions: WindowSessions) {
    this.#config = config;
    this.#sessions = sessions;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** Of the device's memory. */
  get bytes(): number {
    const { layers, kvHeads, headDim } = this.#config;
    return layers * 2 * kvHeads * headDim * this.#capacity * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Makes room for `slots` at least; what is there stays. */
  async reserve(slots: number): Promise<void> {
    if (this.#capacity < slots) await this.#grow(rounded(slots) - this.#capacity);
  }

  /** Uploads slots of a window, all of which its own buffers hold. */
  async upload(window: AttentionWindow, range: SlotRange): Promise<void> {
    for (let from = range.from; from < range.to; from += UPLOAD_ROWS) {
      await this.#uploadRows(window, { from, to: Math.min(from + UPLOAD_ROWS, range.to) });
    }
  }

  /** Whether all of it is in the device's memory, and empty: a device may only say so once a run is to give something back. */
  async isThere(): Promise<boolean> {
    return floats(await this.#sessions.touch.run(this.feeds()), "touched")[0] === 0;
  }

  /** The buffers as inputs of the device's graphs. */
  feeds(): Feeds {
    return { ...this.#buffers };
  }

  /** The buffers as the places of the graphs' outputs. */
  places(): Feeds {
    const places: Feeds = {};
    for (let layer = 0; layer < this.#config.layers; layer++) {
      for (const kind of ["keys", "values"] as const) {
        const buffer = this.#buffers[pastNames(layer)[kind]];
        if (buffer) places[filledNames(layer)[kind]] = buffer;
      }
    }
    return places;
  }

  dispose(): void {
    for (const buffer of Object.values(this.#buffers)) buffer.dispose();
    this.#buffers = {};
    this.#capacity = 0;
  }

  /** Where the device has no memory for it, nothing is left of the window. @throws DeviceLost */
  async #grow(slots: number): Promise<void> {
    const { layers, kvHeads, headDim } = this.#config;
    const { keyGrowth, valueGrowth } = this.#sessions;
    const none = new Float32Array(0);
    const kinds = [
      { kind: "keys", growth: keyGrowth, shapeOf: (count: number) => [kvHeads, headDim, count] },
      { kind: "values", growth: valueGrowth, shapeOf: (count: number) => [kvHeads, count, headDim] },
    ] as const;
    const grown: Feeds = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const { kind, growth, shapeOf } of kinds) {
        const name = pastNames(layer)[kind];
        const old = this.#buffers[name];
        try {
          const added = integerTensor(shapeOf(slots), [3]);
          const { grown: buffer } = await growth.run({ slots: old ?? floatTensor(none, shapeOf(0)), added });
          if (buffer) grown[name] = buffer;
        } catch (error) {
          for (const buffer of Object.values(grown)) buffer.dispose();
          this.dispose();
          throw error;
        }
        old?.dispose();
        delete this.#buffers[name];
      }
    }
    this.#buffers = grown;
    this.#capacity += slots;
  }

  async #uploadRows(window: AttentionWindow, range: SlotRange): Promise<void> {
    const { layers, kvHeads, headDim } = this.#config;
    const dimensions = [kvHeads, range.to - range.from, headDim];
    const feeds: Feeds = { ...this.feeds(), ...placeFeeds(this.#config, range.from, range.to) };
    for (let layer = 0; layer < layers; layer++) {
      const { keys, values } = window.rows(layer, range);
      feeds[`keys.${layer}`] = floatTensor(keys, dimensions);
      feeds[`values.${layer}`] = floatTensor(values, dimensions);
    }
    await this.#sessions.rows.runInto(feeds, this.places(), []);
  }
}

/** Windows that stay on the device: the prefix, a folder that is read whole, and a question. */
const MOST_WINDOWS = 3;

/** A window of a question with all that may be in it: prefix, looked-up blocks, pinned files, question and answer. */
const FULL_WINDOW = 3_072;
/** Room for less than a full window: for the blocks that were looked up, with and without pinned files. */
const SMALL_WINDOWS = [1_024, 1_536] as const;

/**
 * How much room a device is asked for, in slots of all its windows: from what an answer needs at least to all that is of use, the longest
 * text that the model knows positions for among it.
 */
export function windowSizes(positions: number): number[] {
  const longest = rounded(positions);
  const all = longest + (MOST_WINDOWS - 1) * Math.min(longest, FULL_WINDOW);
  return [...[...SMALL_WINDOWS, FULL_WINDOW, 2 * FULL_WINDOW].filter((slots) => slots < all), all];
}

/** The windows on a device, those used last: another gets the buffers of the one that was used least lately. */
export class DeviceWindows {
  readonly #config: ModelConfig;
  readonly #sessions: WindowSessions;
  /** In the order of their last use. */
  readonly #placed: { owner: WeakRef<AttentionWindow>; device: DeviceWindow }[] = [];
  /** Slots that all windows together may have. */
  #most = Infinity;

  constructor(config: ModelConfig, sessions: WindowSessions) {
    this.#config = config;
    this.#sessions = sessions;
  }

  get bytes(): number {
    return this.#placed.reduce((sum, { device }) => sum + device.bytes, 0);
  }

  get mostSlots(): number {
    return this.#most;
  }

  /** From now on all windows together have `slots` at most. */
  hold(slots: number): void {
    this.#most = slots;
  }

  /** Asks the device for room, size by size, as long as it gives some: `granted` hears of each. Nothing of it is kept. */
  async ask(sizes: readonly number[], granted: (slots: number) => void): Promise<void> {
    this.dispose();
    const device = new DeviceWindow(this.#config, this.#sessions);
    try {
      for (const slots of sizes) {
        await device.reserve(slots);
        if (!(await device.isThere())) return;
        granted(slots);
      }
    } catch (error) {
      if (!(error instanceof DeviceLost)) throw error;
    } finally {
      device.dispose();
    }
  }

  /**
   * A window's buffers with `rows` free slots, and all that the window itself holds; `isNew` when its `awayTokens` are not there.
   * @throws DeviceFull DeviceLost
   */
  async place(window: AttentionWindow, rows: number): Promise<{ device: DeviceWindow; isNew: boolean }> {
    const index = this.#placed.findIndex(({ owner }) => owner.deref() === window);
    const [known] = index < 0 ? [] : this.#placed.splice(index, 1);
    const slots = rounded(window.length + rows);
    if (slots > this.#most) {
      known?.device.dispose();
      throw new DeviceFull(`A window of ${slots} tokens, where there is room for ${this.#most}`);
    }
    const device = known?.device ?? this.#free();
    this.#makeRoom(Math.max(slots, device.capacity));
    const isKept = await this.#reserve(device, slots);
    this.#placed.push({ owner: known?.owner ?? new WeakRef(window), device });
    const isNew = !known || !isKept;
    const here = window.length - window.awayTokens.length;
    const changes = window.takeChanges();
    for (const { from, to } of isNew ? [{ from: 0, to: here }] : changes) {
      await device.upload(window, { from, to: Math.min(to, here) });
    }
    return { device, isNew };
  }

  dispose(): void {
    for (const { device } of this.#placed.splice(0)) device.dispose();
  }

  /** Takes the buffers of windows that were used least lately, until there is room for `slots` more. */
  #makeRoom(slots: number): void {
    const used = () => this.#placed.reduce((sum, { device }) => sum + device.capacity, 0);
    while (this.#placed.length > 0 && used() + slots > this.#most) this.#placed.shift()?.device.dispose();
  }

  /**
   * Grows a window. Where the device has no memory for it, all others go, then it is done without; so much is not asked for again.
   * @returns whether what the window held is still there
   */
  async #reserve(device: DeviceWindow, slots: number): Promise<boolean> {
    try {
      await device.reserve(slots);
      return true;
    } catch (error) {
      if (!(error instanceof DeviceLost)) throw error;
    }
    this.dispose();
    try {
      await device.reserve(slots);
      this.#most = slots;
      return false;
    } catch (error) {
      this.#most = slots - SLOT_STEP;
      if (!(error instanceof DeviceLost) || this.#most < SMALL_WINDOWS[0]) throw error;
      throw new DeviceFull(`A window of ${slots} tokens, for which the GPU has no memory`, { cause: error });
    }
  }

  /** Buffers of a window that nobody has any more, or that was used least lately; else new ones. */
  #free(): DeviceWindow {
    const gone = this.#placed.findIndex(({ owner }) => owner.deref() === undefined);
    const index = gone < 0 && this.#placed.length >= MOST_WINDOWS ? 0 : gone;
    const [old] = index < 0 ? [] : this.#placed.splice(index, 1);
    return old?.device ?? new DeviceWindow(this.#config, this.#sessions);
  }
}

/** Slots come in steps. */
function rounded(slots: number): number {
  return Math.ceil(slots / SLOT_STEP) * SLOT_STEP;
}

/** Where a run's rows go that stand in slots [from, to): of values [kvHeads, T, 2], of keys [kvHeads, headDim, T, 3]. */
export function placeFeeds({ kvHeads, headDim }: ModelConfig, from: number, to: number): Feeds {
  const rows = to - from;
  const slots = new Int32Array(kvHeads * rows * 2);
  const columns = new Int32Array(kvHeads * headDim * rows * 3);
  let [slot, column] = [0, 0];
  for (let head = 0; head < kvHeads; head++) {
    for (let row = from; row < to; row++) {
      slots[slot++] = head;
      slots[slot++] = row;
    }
    for (let i = 0; i < headDim * rows; i++) {
      columns[column++] = head;
      columns[column++] = Math.floor(i / rows);
      columns[column++] = from + (i % rows);
    }
  }
  return {
    slots: integerTensor(slots, [kvHeads, rows, 2]),
    columns: integerTensor(columns, [kvHeads, headDim, rows, 3]),
  };
}
