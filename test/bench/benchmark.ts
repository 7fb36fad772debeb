/** What every benchmark and every evaluation is given. */
export interface BenchOptions {
  /** Absolute path of the model: a GGUF file, or a folder with safetensors. */
  modelPath: string;
  /** Where converted models, corpora and stores are kept between runs. */
  dataDir: string;
  threads: number;
  /** For a smaller run: how many of its items a measurement with many of them takes. */
  limit?: number;
  /** For `parity`: whether trained strategies are compared, and not the bare model. */
  strategies?: boolean;
  /** For a measurement of several parts: the only ones that are measured. */
  only?: readonly string[];
  /** Says how far the measurement is, on standard error. */
  tell: (text: string) => void;
}

/** The parts that are measured: all, or those that `--only` names. @throws RangeError for one that there is not */
export function partsOf<Part extends string>({ only }: BenchOptions, parts: readonly Part[]): ReadonlySet<Part> {
  const unknown = only?.find((name) => !parts.some((part) => part === name));
  if (unknown !== undefined) throw new RangeError(`There is no part ${unknown}, but ${parts.join(", ")}.`);
  return new Set(parts.filter((part) => only?.includes(part) ?? true));
}
