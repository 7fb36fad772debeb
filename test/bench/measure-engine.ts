/** Measures this engine in a process of its own: `node measure-engine.ts DATA MODEL THREADS`; prints `RoundTimes` as JSON. */
import * as v from "valibot";
import { createSampler } from "../../engine/inference/sampler.ts";
import { openBenchModel } from "./open-bench-model.ts";
import { measureRound } from "./speed-run.ts";

const [dataDir, modelPath, threads] = v.parse(v.tuple([v.string(), v.string(), v.string()]), process.argv.slice(2));
const model = await openBenchModel({ dataDir, modelPath, threads: Number(threads) });
let window = model.window(0);
const sampler = createSampler({});
let logits: Float32Array = new Float32Array(0);

const times = await measureRound({
  prefill: async (tokens) => {
    window = model.window(0);
    logits = await model.prefill(window, Int32Array.from(tokens), 0);
  },
  generate: async () => {
    ({ logits } = await model.decode(window, sampler.next(logits, []), window.length));
  },
});
await model.close();
console.log(JSON.stringify(times));
