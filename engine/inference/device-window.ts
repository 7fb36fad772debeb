/** An attention window's keys and values in a GPU's memory, brought up to date from the window's own when it is next used. */
import { pastNames } from "../graph/attention.ts";
import { filledNames, GROWN_SLOTS } from "../graph/device-decoder.ts";
import type { ModelConfig } from "../models/model-source.ts";
import { type Feeds, floatTensor, integerTensor, type Session } from "../runtime/session.ts";
import type { AttentionWindow, SlotRange } from "./attention-window.ts";

/** Rows that one run uploads: bounds what lies in memory twice. */
const UPLOAD_ROWS = 512;

/** Graphs that move windows. */
interface WindowSessions {
  /** `writeGrowth`; their outputs stay on the device. */
  keyGrowth: Session;
  valueGrowth: Session;
  /** `writeWindowRows`. */
  rows: Session;
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
    while (this.#capacity < slots) await this.#grow();
  }

  /** Uploads slots of a window, all of which its own buffers hold. */
  async upload(window: AttentionWindow, range: SlotRange): Promise<void> {
    for (let from = range.from; from < range.to; from += UPLOAD_ROWS) {
      await this.#uploadRows(window, { from, to: Math.min(from + UPLOAD_ROWS, range.to) });
    }
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

  async #grow(): Promise<void> {
    const { layers, kvHeads, headDim } = this.#config;
    const { keyGrowth, valueGrowth } = this.#sessions;
    const none = new Float32Array(0);
    const kinds = [
      { kind: "keys", growth: keyGrowth, empty: floatTensor(none, [kvHeads, headDim, 0]) },
      { kind: "values", growth: valueGrowth, empty: floatTensor(none, [kvHeads, 0, headDim]) },
    ] as const;
    const grown: Feeds = {};
    for (let layer = 0; layer < layers; layer++) {
      for (const { kind, growth, empty } of kinds) {
        const name = pastNames(layer)[kind];
        const old = this.#buffers[name];
        const { grown: buffer } = await growth.run({ slots: old ?? empty });
        if (buffer) grown[name] = buffer;
        old?.dispose();
      }
    }
    this.#buffers = grown;
    this.#capacity += GROWN_SLOTS;
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

/** The windows on a device, those used last: another gets the buffers of the one that was used least lately. */
export class DeviceWindows {
  readonly #config: ModelConfig;
  readonly #sessions: WindowSessions;
  /** In the order of their last use. */
  readonly #placed: { owner: WeakRef<AttentionWindow>; device: DeviceWindow }[] = [];

  constructor(config: ModelConfig, sessions: WindowSessions) {
    this.#config = config;
    this.#sessions = sessions;
  }

  get bytes(): number {
    return this.#placed.reduce((sum, { device }) => sum + device.bytes, 0);
  }

  /** A window's buffers with `rows` free slots, and all that the window itself holds; `isNew` when its `awayTokens` are not there. */
  async place(window: AttentionWindow, rows: number): Promise<{ device: DeviceWindow; isNew: boolean }> {
    const index = this.#placed.findIndex(({ owner }) => owner.deref() === window);
    const [known] = index < 0 ? [] : this.#placed.splice(index, 1);
    const device = known?.device ?? this.#free();
    this.#placed.push({ owner: known?.owner ?? new WeakRef(window), device });
    const here = window.length - window.awayTokens.length;
    const changes = window.takeChanges();
    await device.reserve(window.length + rows);
    for (const { from, to } of known ? changes : [{ from: 0, to: here }]) {
      await device.upload(window, { from, to: Math.min(to, here) });
    }
    return { device, isNew: !known };
  }

  dispose(): void {
    for (const { device } of this.#placed.splice(0)) device.dispose();
  }

  /** Buffers of a window that nobody has any more, or that was used least lately; else new ones. */
  #free(): DeviceWindow {
    const gone = this.#placed.findIndex(({ owner }) => owner.deref() === undefined);
    const index = gone < 0 && this.#placed.length >= MOST_WINDOWS ? 0 : gone;
    const [old] = index < 0 ? [] : this.#placed.splice(index, 1);
    return old?.device ?? new DeviceWindow(this.#config, this.#sessions);
  }
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
