/** An attention window's keys and values in a GPU's memory, brought up to date from the window's own when it is next used. */
import { pastNames } from "../graph/attention.ts";
import { filledNames } from "../graph/device-decoder.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { DeviceLost } from "../runtime/device-lost.ts";
import { dispose, type Feeds, floats, floatTensor, integerTensor, type Session } from "../runtime/session.ts";
import type { AttentionWindow, SlotRange } from "./attention-window.ts";

/** Windows have a multiple of so many slots: a graph is prepared for each size that it meets. */
export const SLOT_STEP = 512;
/** Rows that one run uploads: bounds what lies in memory twice. */
const UPLOAD_ROWS = 512;

/** Graphs that move windows. */
export interface WindowSessions {
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

  /**
   * Makes room for `slots` at least, and reads from it; what is there stays. Where the device has no memory for it, nothing is left
   * of the window. @throws DeviceLost
   */
  async reserve(slots: number): Promise<void> {
    if (this.#capacity >= slots) return;
    try {
      await this.#grow(rounded(slots) - this.#capacity);
      if (!(await this.isThere())) throw new DeviceLost("The GPU's memory does not hold what was written there");
    } catch (error) {
      this.dispose();
      throw error;
    }
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
    for (const buffer of Object.values(this.#buffers)) dispose(buffer);
    this.#buffers = {};
    this.#capacity = 0;
  }

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
          for (const buffer of Object.values(grown)) dispose(buffer);
          throw error;
        }
        if (old) dispose(old);
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

/** Slots come in steps. */
export function rounded(slots: number): number {
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
