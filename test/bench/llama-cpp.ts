/** llama.cpp through node-llama-cpp: installed on first use, and opened by the programs that measure it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const VERSION = "3.22.1";
const folder = fileURLToPath(new URL("../../.cache/llama-cpp/", import.meta.url));
const entry = `${folder}node_modules/node-llama-cpp/dist/index.js`;

/** Tokens that llama.cpp computes at once. */
const BATCH = 512;

/**
 * The URL of node-llama-cpp, which is installed on first use into a folder of its own: with its prebuilt libraries it is far
 * larger than this project, and only a comparison needs it.
 * @throws Error when npm cannot install it
 */
export function setUpLlamaCpp(tell: (text: string) => void): string {
  if (existsSync(entry)) return pathToFileURL(entry).href;
  tell(`Installing node-llama-cpp ${VERSION} …`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, '{ "private": true }\n');
  const install = `npm install --ignore-scripts --no-audit --no-fund --save-exact node-llama-cpp@${VERSION}`;
  const { status } = spawnSync(install, { cwd: folder, shell: true, stdio: ["ignore", 2, 2] });
  if (status !== 0 || !existsSync(entry)) throw new Error(`node-llama-cpp ${VERSION} could not be installed.`);
  return pathToFileURL(entry).href;
}

/** The part of node-llama-cpp that is used here; the package is not a dependency, so its own types are not at hand. */
interface LlamaCpp {
  getLlama(options: { gpu: false; build: "never"; logLevel: string }): Promise<Llama>;
}
interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
}
interface LlamaModel {
  tokenize(text: string): number[];
  createContext(options: ContextOptions): Promise<{ getSequence(): LlamaSequence }>;
}
interface ContextOptions {
  contextSize: number;
  batchSize: number;
  threads: number;
  flashAttention: boolean;
}
interface LlamaSequence {
  clearHistory(): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  /** Generates without end, a token at each step. */
  evaluate(tokens: number[], options: { temperature: 0; yieldEogToken: true }): AsyncIterator<number>;
}

/** One context of llama.cpp. Calls end when the work is done, not when it is queued. */
export interface LlamaContext {
  tokenize(text: string): number[];
  /** Reads tokens from an empty context. */
  prefill(tokens: readonly number[]): Promise<void>;
  /** Reads `tokens` behind what is there and chooses the likeliest next one; without tokens, goes on behind the last one. */
  generate(tokens?: readonly number[]): Promise<void>;
}

/** Opens a model with a context for `contextSize` tokens. @param packageUrl from `setUpLlamaCpp` */
export async function openLlamaCpp(
  packageUrl: string,
  modelPath: string,
  threads: number,
  contextSize: number,
): Promise<LlamaContext> {
  const llamaCpp: LlamaCpp = await import(packageUrl);
  const llama = await llamaCpp.getLlama({ gpu: false, build: "never", logLevel: "error" });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({ contextSize, batchSize: BATCH, threads, flashAttention: true });
  const sequence = context.getSequence();
  let generation: AsyncIterator<number> | undefined;
  return {
    tokenize: (text) => model.tokenize(text),
    prefill: async (tokens) => {
      generation = undefined;
      await sequence.clearHistory();
      if (tokens.length > 0) await sequence.evaluateWithoutGeneratingNewTokens([...tokens]);
    },
    generate: async (tokens) => {
      if (tokens) generation = undefined;
      generation ??= sequence.evaluate([...(tokens ?? [1])], { temperature: 0, yieldEogToken: true });
      const { done } = await generation.next();
      if (done === true) throw new Error("llama.cpp ended the generation early.");
    },
  };
}
