/** What every benchmark is given. */
export interface BenchOptions {
  /** Absolute path of the model: a GGUF file, or a folder with safetensors. */
  modelPath: string;
  /** Where converted models are kept. */
  dataDir: string;
  threads: number;
  /** For a smaller run: how many of its items a benchmark with many of them measures. */
  limit?: number;
  /** Says how far the benchmark is, on standard error. */
  tell: (text: string) => void;
}

/** What a benchmark's module exports. */
export interface Benchmark {
  run: (options: BenchOptions) => Promise<object>;
}
