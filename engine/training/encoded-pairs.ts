/** The hidden states of pairs on disk: a file a layer, a row a token, int8 in units of `STEP`. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import * as v from "valibot";

import type { Rows } from "./pair-layout.ts";
import type { Standard } from "./standards.ts";

/** A layer's standardisation of questions and of blocks. */
export interface LayerStandards {
  question: Standard;
  block: Standard;
}

const Numbers = v.pipe(v.array(v.pipe(v.number(), v.finite())), v.maxLength(65_536));
const Side = v.object({ mean: Numbers, inverseDeviation: Numbers });
const State = v.object({
  key: v.string(),
  units: v.pipe(v.number(), v.integer(), v.minValue(0)),
  layers: v.pipe(
    v.array(v.object({ layer: v.pipe(v.number(), v.integer()), question: Side, block: Side })),
    v.maxLength(64),
  ),
});

/** Hidden states that were written, and how far writing has come. */
export class EncodedPairs {
  readonly hidden: number;
  readonly standards: ReadonlyMap<number, LayerStandards>;
  /** Units that are whole on disk. */
  units: number;
  readonly #folder: string;
  readonly #key: string;
  readonly #files = new Map<number, number>();

  private constructor(folder: string, key: string, units: number, standards: ReadonlyMap<number, LayerStandards>) {
    this.#folder = folder;
    this.#key = key;
    this.units = units;
    this.standards = standards;
    this.hidden = [...standards.values()][0]?.block.mean.length ?? 0;
    for (const layer of standards.keys()) {
      this.#files.set(layer, openSync(join(folder, `layer-${layer}.i8`), units === 0 ? "w+" : "r+"));
    }
  }

  /** What an earlier run left in `folder`; undefined where that is of other pairs or another model. */
  static resume(folder: string, key: string): EncodedPairs | undefined {
    try {
      const parsed = v.safeParse(State, JSON.parse(readFileSync(join(folder, "state.json"), "utf8")));
      if (!parsed.success || parsed.output.key !== key) return undefined;
      const standards = parsed.output.layers.map(({ layer, question, block }): [number, LayerStandards] => [
        layer,
        { question: standardOf(question), block: standardOf(block) },
      ]);
      return new EncodedPairs(folder, key, parsed.output.units, new Map(standards));
    } catch {
      return undefined; // nothing there, or nothing that can be used: it is made again
    }
  }

  static start(folder: string, key: string, standards: ReadonlyMap<number, LayerStandards>): EncodedPairs {
    mkdirSync(folder, { recursive: true });
    const started = new EncodedPairs(folder, key, 0, standards);
    started.commit(0);
    return started;
  }

  /** @param states [rows, hidden] of one layer */
  write(layer: number, row: number, states: Int8Array): void {
    const bytes = new Uint8Array(states.buffer, states.byteOffset, states.byteLength);
    for (let done = 0; done < bytes.length;) {
      done += writeSync(this.#file(layer), bytes, done, bytes.length - done, row * this.hidden + done);
    }
  }

  /** Makes what was written of the first `units` durable. */
  commit(units: number): void {
    for (const file of this.#files.values()) fsyncSync(file);
    const layers = [...this.standards].map(([layer, { question, block }]) => ({
      layer,
      question: plainStandard(question),
      block: plainStandard(block),
    }));
    const path = join(this.#folder, "state.json");
    writeFileSync(`${path}.tmp`, JSON.stringify({ key: this.#key, units, layers }));
    renameSync(`${path}.tmp`, path);
    this.units = units;
  }

  /** Reads rows of one layer into `into` at `offset` (in numbers). */
  read(layer: number, { from, to }: Rows, into: Int8Array, offset: number): void {
    const length = (to - from) * this.hidden;
    const bytes = new Uint8Array(into.buffer, into.byteOffset + offset, length);
    for (let done = 0; done < length;) {
      const count = readSync(this.#file(layer), bytes, done, length - done, from * this.hidden + done);
      if (count === 0) throw new RangeError(`The states of layer ${layer} end before row ${to}`);
      done += count;
    }
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #file(layer: number): number {
    const file = this.#files.get(layer);
    if (file === undefined) throw new RangeError(`Layer ${layer} was not encoded`);
    return file;
  }
}

function standardOf({ mean, inverseDeviation }: v.InferOutput<typeof Side>): Standard {
  return { mean: Float32Array.from(mean), inverseDeviation: Float32Array.from(inverseDeviation) };
}

function plainStandard({ mean, inverseDeviation }: Standard): v.InferOutput<typeof Side> {
  return { mean: [...mean], inverseDeviation: [...inverseDeviation] };
}
