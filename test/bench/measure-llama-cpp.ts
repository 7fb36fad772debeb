/** Measures llama.cpp in a process of its own: `node measure-llama-cpp.ts PACKAGE MODEL THREADS`; prints `RoundTimes` as JSON. */
import * as v from "valibot";
import { measureRound } from "./speed-run.ts";

/** The part of node-llama-cpp that is used here; the package is not a dependency, so its own types are not at hand. */
interface LlamaCpp {
  getLlama(options: { gpu: false; build: "never"; logLevel: string }): Promise<Llama>;
}
interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
}
interface LlamaModel {
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

const [packageUrl, modelPath, threads] = v.parse(v.tuple([v.string(), v.string(), v.string()]), process.argv.slice(2));
const llamaCpp: LlamaCpp = await import(packageUrl);
const llama = await llamaCpp.getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  contextSize: 1024,
  batchSize: 512,
  threads: Number(threads),
  flashAttention: true,
});
const sequence = context.getSequence();
let generation: AsyncIterator<number> | undefined;

const times = await measureRound({
  prefill: async (tokens) => {
    generation = undefined;
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  },
  generate: async () => {
    generation ??= sequence.evaluate([1], { temperature: 0, yieldEogToken: true });
    const { done } = await generation.next();
    if (done === true) throw new Error("llama.cpp ended the generation early.");
  },
});
console.log(JSON.stringify(times));
// Its worker threads would keep the process.
process.exit(0);
