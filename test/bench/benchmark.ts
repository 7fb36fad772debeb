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
  /** Says how far the measurement is, on standard error. */
  tell: (text: string) => void;
}
