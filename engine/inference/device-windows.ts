/** All windows in a GPU's memory: how many stay there, who makes room for whom, and how much is asked for. */
import type { ModelConfig } from "../models/model-source.ts";
import { DeviceFull, DeviceLost } from "../runtime/device-lost.ts";
import type { AttentionWindow } from "./attention-window.ts";
import { DeviceWindow, rounded, SLOT_STEP, type WindowSessions } from "./device-window.ts";

/** Windows that stay on the device: the prefix, a folder that is read whole, and a question. */
const MOST_WINDOWS = 3;

/** A window with prefix, looked-up blocks, pinned files, question and answer; lines that a question names may take another 1,024. */
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
    const device = known?.device ?? this.#free(slots);
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

  get #slots(): number {
    return this.#placed.reduce((sum, { device }) => sum + device.capacity, 0);
  }

  /** Takes the buffers of windows that were used least lately, until there is room for `slots` more. */
  #makeRoom(slots: number): void {
    while (this.#placed.length > 0 && this.#slots + slots > this.#most) this.#placed.shift()?.device.dispose();
  }

  /**
   * Grows a window. Where the device has no memory for it, others go, one by one; so much as was refused is not asked for again.
   * @returns whether what the window held is still there
   * @throws DeviceFull, or DeviceLost where less is left than an answer needs
   */
  async #reserve(device: DeviceWindow, slots: number): Promise<boolean> {
    const first = await refusalOf(device, slots);
    if (!first) return true;
    let refusal: DeviceLost | undefined = first;
    do {
      this.#most = this.#slots + slots - SLOT_STEP;
      this.#placed.shift()?.device.dispose();
      refusal = await refusalOf(device, slots);
    } while (refusal && this.#placed.length > 0);
    this.#most = refusal ? slots - SLOT_STEP : Math.max(this.#most, this.#slots + slots);
    if (this.#most < SMALL_WINDOWS[0]) {
      device.dispose();
      throw first;
    }
    if (!refusal) return false;
    throw new DeviceFull(`A window of ${slots} tokens, for which the GPU has no memory`, { cause: refusal });
  }

  /**
   * Buffers for a window of `slots`: those of a window that nobody has any more, or that was used least lately; else new ones. Much
   * larger ones than needed would make every token dearer than new ones do.
   */
  #free(slots: number): DeviceWindow {
    const gone = this.#placed.findIndex(({ owner }) => owner.deref() === undefined);
    const index = gone < 0 && this.#placed.length >= MOST_WINDOWS ? 0 : gone;
    const [old] = index < 0 ? [] : this.#placed.splice(index, 1);
    if (!old) return new DeviceWindow(this.#config, this.#sessions);
    if (old.device.capacity > slots + SLOT_STEP) old.device.dispose();
    return old.device;
  }
}

/** What a device says that has no memory for so many slots; undefined where it has. */
async function refusalOf(device: DeviceWindow, slots: number): Promise<DeviceLost | undefined> {
  try {
    await device.reserve(slots);
    return undefined;
  } catch (error) {
    if (error instanceof DeviceLost) return error;
    throw error;
  }
}
