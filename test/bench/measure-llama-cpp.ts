/**
 * Measures llama.cpp in a process of its own: `node measure-llama-cpp.ts PACKAGE MODEL THREADS ATTENDED FILE…`; prints
 * `RoundTimes` as JSON. Decoding attends to ATTENDED tokens; each FILE is read alone.
 */
import { readFileSync } from "node:fs";
import * as v from "valibot";
import { openLlamaCpp } from "./llama-cpp.ts";
import { timed } from "./measure-child.ts";
import { benchTokens, measureDecode, measurePrefill, type RoundTimes } from "./speed-run.ts";

/** What SmolLM2 was trained for; a file with more tokens is read in several parts. */
const CONTEXT_TOKENS = 8192;

const [packageUrl, modelPath, threads, attendedTokens, ...files] = v.parse(
  v.tupleWithRest([v.string(), v.string(), v.string(), v.string()], v.string()),
  process.argv.slice(2),
);
const attended = Number(attendedTokens);
const llama = await openLlamaCpp(packageUrl, modelPath, Number(threads), CONTEXT_TOKENS);
const prefillMs = await measurePrefill((tokens) => llama.prefill(tokens));
await llama.prefill(benchTokens(attended));
const decodeMs = await measureDecode(() => llama.generate());
const parts = files
  .map((file) => llama.tokenize(readFileSync(file, "utf8")))
  .flatMap((tokens) =>
    Array.from({ length: Math.ceil(tokens.length / CONTEXT_TOKENS) }, (_, i) =>
      tokens.slice(i * CONTEXT_TOKENS, (i + 1) * CONTEXT_TOKENS),
    ),
  );
const { ms } = await timed(async () => {
  for (const part of parts) await llama.prefill(part);
});
const tokens = parts.reduce((sum, part) => sum + part.length, 0);
const times: RoundTimes = { prefillMs, decodeMs, attended, ingest: { tokens, ms } };
console.log(JSON.stringify(times));
// Its worker threads would keep the process.
process.exit(0);
