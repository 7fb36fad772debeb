/** Measures llama.cpp in a process of its own: `node measure-llama-cpp.ts PACKAGE MODEL THREADS`; prints `RoundTimes` as JSON. */
import * as v from "valibot";
import { measureRound } from "./speed-run.ts";

/** The part of node-llama-cpp that is used here; the package is not a dependency, so its own types are not at hand. */
interface LlamaCpp {
  getLlama(options: {
    gpu: false;
    build: "never";
    logLevel: string;
  }): Promise<{ loadModel(options: { modelPath: string }): Promise<LlamaModel> }>;
}
interface LlamaModel {
  createContext(options: {
    contextSize: number;
    batchSize: number;
    threads: number;
    flashAttention: boolean;
  }): Promise<{ getSequence(): LlamaSequence }>;
}
/** A token, or one whose successor is chosen: only for those does llama.cpp compute the output layer. */
type EvaluatedToken = number | [token: number, options: { generateNext: { token: true; options: { temperature: 0 } } }];
interface LlamaSequence {
  clearHistory(): Promise<void>;
  controlledEvaluate(input: EvaluatedToken[]): Promise<unknown>;
}

const [packagePath, modelPath, threads] = v.parse(v.tuple([v.string(), v.string(), v.string()]), process.argv.slice(2));
const llamaCpp: LlamaCpp = await import(packagePath);
const llama = await llamaCpp.getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  contextSize: 1024,
  batchSize: 512,
  threads: Number(threads),
  flashAttention: true,
});
const sequence = context.getSequence();

/** As generation does it: the output layer runs for the last token, and the likeliest next one is chosen. */
async function evaluate(tokens: number[]): Promise<void> {
  const last = tokens.at(-1);
  if (last === undefined) return;
  const chosen: EvaluatedToken = [last, { generateNext: { token: true, options: { temperature: 0 } } }];
  await sequence.controlledEvaluate([...tokens.slice(0, -1), chosen]);
}

const times = await measureRound({
  prefill: async (tokens) => {
    await sequence.clearHistory();
    await evaluate(tokens);
  },
  decode: (token) => evaluate([token]),
});
console.log(JSON.stringify(times));
// Its worker threads would keep the process.
process.exit(0);
