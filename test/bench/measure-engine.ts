/** Measures this engine in a process of its own: `node measure-engine.ts DATA MODEL THREADS`; prints `RoundTimes` as JSON. */
import * as v from "valibot";
import { openBenchModel } from "./open-bench-model.ts";
import { PREFILL_TOKENS, DECODE_TOKENS, measureRound } from "./speed-run.ts";

const [dataDir, modelPath, threads] = v.parse(v.tuple([v.string(), v.string(), v.string()]), process.argv.slice(2));
const model = await openBenchModel({ dataDir, modelPath, threads: Number(threads) });
let window = model.window(PREFILL_TOKENS + DECODE_TOKENS);
let position = 0;
const times = await measureRound({
  prefill: async (tokens) => {
    window = model.window(PREFILL_TOKENS + DECODE_TOKENS);
    await model.prefill(window, Int32Array.from(tokens), 0);
    position = tokens.length;
  },
  decode: async (token) => void (await model.decode(window, token, position++)),
});
await model.close();
console.log(JSON.stringify(times));
