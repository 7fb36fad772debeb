/** A language model's device as long as it works; its first failure is its last use. */
import type { ModelConfig } from "../models/model-source.ts";
import { DeviceFull, DeviceLost } from "../runtime/device-lost.ts";
import type { DeviceModel } from "./device-model.ts";
import type { AttentionHeads } from "./observed-layers.ts";

/** Computes on a device while there is one. */
export class DeviceUse {
  readonly #onLost: (error: Error) => void;
  readonly #onFull: (error: Error) => void;
  #model: DeviceModel | undefined;

  /** @param onLost called when the device fails, once @param onFull called each time that it has no room for something */
  constructor(model: DeviceModel, onLost: (error: Error) => void, onFull: (error: Error) => void) {
    this.#model = model;
    this.#onLost = onLost;
    this.#onFull = onFull;
  }

  /** `DeviceModel.batchRows`; undefined where there is no device any more. */
  get batchRows(): number | undefined {
    return this.#model?.batchRows;
  }

  /** `DeviceModel.mostSlots`, likewise. */
  get mostSlots(): number | undefined {
    return this.#model?.mostSlots;
  }

  /** What `run` gives on the device; undefined where there is none any more, or none with room for this. */
  async compute<T>(run: (device: DeviceModel) => Promise<T>): Promise<T | undefined> {
    const model = this.#model;
    if (!model) return undefined;
    try {
      return await run(model);
    } catch (error) {
      if (error instanceof DeviceFull) {
        this.#onFull(error);
        return undefined;
      }
      if (!(error instanceof DeviceLost)) throw error;
      // Others that waited for the same device fail after this one.
      if (this.#model) this.#onLost(error);
      await this.close();
      return undefined;
    }
  }

  /** Frees what is on the device. What fails of that is lost with it. */
  async close(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    await model?.close().catch(() => undefined);
  }
}

/**
 * Attention that a device has added up over the retrieval heads, by layer [heads, width] as the CPU gives it: the sum stands in the
 * first of these heads, so sums over all of them are the same.
 */
export function headSums(
  model: { config: ModelConfig; attentionHeads: AttentionHeads; observed: readonly number[] },
  sum: Float32Array,
  width: number,
): Map<number, Float32Array> {
  const first = model.attentionHeads.retrieval[0];
  const weights = new Map(model.observed.map((layer) => [layer, new Float32Array(model.config.heads * width)]));
  if (first) weights.get(first.layer)?.set(sum.subarray(0, width), first.head * width);
  return weights;
}
