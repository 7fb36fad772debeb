/** A model that is offered for download. */
export interface CatalogModel {
  /** What `--model` takes. */
  name: string;
  /** The hub's repository and the GGUF file in it. */
  repository: string;
  file: string;
  parameters: number;
  /** Of the download; the hub says it exactly. */
  bytes: number;
  /** SPDX identifier, or the licence's own name. */
  license: string;
  /** Memory that a machine should have in all: weights for prefill and decode, the memory's blocks, editor and system. */
  minMemoryBytes: number;
  /**
   * Chosen without being asked for. Reading a repository costs time in proportion to the parameters, so on a processor
   * the larger ones are for those who want to wait; and licences with conditions are for those who accept them.
   */
  automatic: boolean;
}

const GB = 1e9;

/** The models offered, smallest first. */
export const CATALOG: readonly CatalogModel[] = [
  {
    name: "smollm2-135m",
    repository: "bartowski/SmolLM2-135M-Instruct-GGUF",
    file: "SmolLM2-135M-Instruct-Q8_0.gguf",
    parameters: 134_515_008,
    bytes: 145 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 0,
    automatic: true,
  },
  {
    name: "smollm2-360m",
    repository: "bartowski/SmolLM2-360M-Instruct-GGUF",
    file: "SmolLM2-360M-Instruct-Q8_0.gguf",
    parameters: 361_821_120,
    bytes: 386 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 3 * GB,
    automatic: true,
  },
  {
    name: "qwen2.5-coder-0.5b",
    repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    parameters: 494_032_768,
    bytes: 491_400_064,
    license: "apache-2.0",
    minMemoryBytes: 5 * GB,
    automatic: true,
  },
  {
    name: "qwen3-0.6b",
    repository: "Qwen/Qwen3-0.6B-GGUF",
    file: "Qwen3-0.6B-Q8_0.gguf",
    parameters: 596_049_920,
    bytes: 639_446_688,
    license: "apache-2.0",
    minMemoryBytes: 7 * GB,
    automatic: false,
  },
  {
    name: "llama-3.2-1b",
    repository: "bartowski/Llama-3.2-1B-Instruct-GGUF",
    file: "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
    parameters: 1_235_814_400,
    bytes: 808 * 1e6,
    license: "llama3.2",
    minMemoryBytes: 7 * GB,
    automatic: false,
  },
  {
    name: "qwen2.5-coder-1.5b",
    repository: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    parameters: 1_543_714_304,
    bytes: 1117 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 14 * GB,
    automatic: true,
  },
  {
    name: "smollm2-1.7b",
    repository: "bartowski/SmolLM2-1.7B-Instruct-GGUF",
    file: "SmolLM2-1.7B-Instruct-Q4_K_M.gguf",
    parameters: 1_711_376_384,
    bytes: 1_055_609_824,
    license: "apache-2.0",
    minMemoryBytes: 14 * GB,
    automatic: false,
  },
  {
    name: "qwen3-1.7b",
    repository: "Qwen/Qwen3-1.7B-GGUF",
    file: "Qwen3-1.7B-Q8_0.gguf",
    parameters: 1_720_574_976,
    bytes: 1834 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 14 * GB,
    automatic: false,
  },
  {
    name: "qwen2.5-coder-3b",
    repository: "Qwen/Qwen2.5-Coder-3B-Instruct-GGUF",
    file: "qwen2.5-coder-3b-instruct-q4_k_m.gguf",
    parameters: 3_085_938_688,
    bytes: 2105 * 1e6,
    license: "qwen-research",
    minMemoryBytes: 22 * GB,
    automatic: false,
  },
  {
    name: "llama-3.2-3b",
    repository: "bartowski/Llama-3.2-3B-Instruct-GGUF",
    file: "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
    parameters: 3_212_749_888,
    bytes: 2019 * 1e6,
    license: "llama3.2",
    minMemoryBytes: 22 * GB,
    automatic: false,
  },
  {
    name: "qwen3-4b",
    repository: "Qwen/Qwen3-4B-GGUF",
    file: "Qwen3-4B-Q4_K_M.gguf",
    parameters: 4_022_468_096,
    bytes: 2497 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 30 * GB,
    automatic: false,
  },
  {
    name: "qwen2.5-coder-7b",
    repository: "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
    file: "qwen2.5-coder-7b-instruct-q4_k_m.gguf",
    parameters: 7_615_616_512,
    bytes: 4683 * 1e6,
    license: "apache-2.0",
    minMemoryBytes: 45 * GB,
    automatic: false,
  },
];

/** The largest model that a machine with so much memory gets unasked. */
export function chooseModel(memoryBytes: number): CatalogModel {
  const fitting = CATALOG.filter(({ automatic, minMemoryBytes }) => automatic && minMemoryBytes <= memoryBytes);
  const [largest] = fitting.toSorted((a, b) => b.parameters - a.parameters);
  if (largest === undefined) throw new TypeError("The catalogue has no model for every machine");
  return largest;
}

/** Where the hub gives a model's file. `HF_ENDPOINT` names a mirror, as for the hub's own tools. */
export function hubUrl({ repository, file }: CatalogModel, env: NodeJS.ProcessEnv): string {
  const endpoint = (env["HF_ENDPOINT"] || "https://huggingface.co").replace(/\/+$/u, "");
  return `${endpoint}/${repository}/resolve/main/${file}`;
}
