/**
 * Measures llama.cpp reading token lists up to its first generated token: `node measure-reread.ts PACKAGE MODEL THREADS FILE`;
 * FILE holds a JSON array of arrays of ids. Prints milliseconds, one a list, as JSON.
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { openLlamaCpp } from "./llama-cpp.ts";
import { timed } from "./measure-child.ts";

const CONTEXT_TOKENS = 2048;

const [packageUrl, modelPath, threads, file] = v.parse(
  v.tuple([v.string(), v.string(), v.string(), v.string()]),
  process.argv.slice(2),
);
const prompts = v.parse(v.array(v.array(v.number())), JSON.parse(readFileSync(file, "utf8")));
const llama = await openLlamaCpp(packageUrl, modelPath, Number(threads), CONTEXT_TOKENS);
const times: number[] = [];
for (const tokens of prompts) {
  await llama.prefill([]);
  times.push((await timed(() => llama.generate(tokens))).ms);
}
console.log(JSON.stringify(times));
// Its worker threads would keep the process.
process.exit(0);
