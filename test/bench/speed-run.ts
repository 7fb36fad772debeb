/** What both engines are measured on, and the figures that one run gives. Imported by both measuring programs. */
import * as v from "valibot";
import { timed } from "./measure-child.ts";

/** Tokens read from an empty context. */
export const PREFILL_TOKENS = 512;
/** Tokens of memory that decoding attends to. */
export const MEMORY_TOKENS = 1024;
/** Tokens generated, one at a time, behind the memory. */
const DECODE_TOKENS = 64;

/** Milliseconds of one round. */
export const RoundTimes = v.object({
  /** Reading `PREFILL_TOKENS` from an empty context, until the last token's logits are there. */
  prefillMs: v.number(),
  /** One decode step each. */
  decodeMs: v.array(v.number()),
  /** Tokens that the first step attends to. */
  attended: v.number(),
  /** Reading whole files. */
  ingest: v.object({ tokens: v.number(), ms: v.number() }),
});
export type RoundTimes = v.InferOutput<typeof RoundTimes>;

/** Token ids without a pattern that a cache could profit from; all are below any model's vocabulary. */
export function benchTokens(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 100 + ((i * 37) % 400));
}

/** Milliseconds of reading `PREFILL_TOKENS` a second time: the first warms up. */
export async function measurePrefill(prefill: (tokens: number[]) => Promise<void>): Promise<number> {
  await prefill(benchTokens(PREFILL_TOKENS));
  return (await timed(() => prefill(benchTokens(PREFILL_TOKENS)))).ms;
}

/** Milliseconds of `DECODE_TOKENS` steps, after one that warms up. */
export async function measureDecode(step: () => Promise<void>): Promise<number[]> {
  await step();
  const times: number[] = [];
  for (let token = 0; token < DECODE_TOKENS; token++) times.push((await timed(step)).ms);
  return times;
}
