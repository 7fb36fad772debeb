/** What both engines are measured on, and the figures that one run gives. Imported by both measuring programs. */

/** Tokens read from an empty context. */
export const PREFILL_TOKENS = 512;

/** Tokens generated, one at a time, behind the ones read. */
export const DECODE_TOKENS = 64;

/** Milliseconds of one round. */
export interface RoundTimes {
  /** Reading `PREFILL_TOKENS` from an empty context, until the last token's logits are there. */
  prefillMs: number;
  /** One decode step each, at context lengths from `PREFILL_TOKENS` on. */
  decodeMs: number[];
}

/** Token ids without a pattern that a cache could profit from; all are below any model's vocabulary. */
export function benchTokens(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 100 + ((i * 37) % 400));
}

/** What an engine is driven by. Both end when the work is done, not when it is queued. */
export interface MeasuredModel {
  /** Reads tokens from an empty context. */
  prefill(tokens: number[]): Promise<void>;
  /** Runs one more token behind all those before it and chooses the likeliest next one. */
  generate(): Promise<void>;
}

/** One warm-up, then one measured round. */
export async function measureRound(model: MeasuredModel): Promise<RoundTimes> {
  await model.prefill(benchTokens(PREFILL_TOKENS));
  await model.generate();
  const prefillMs = await timed(() => model.prefill(benchTokens(PREFILL_TOKENS)));
  const decodeMs: number[] = [];
  for (let token = 0; token < DECODE_TOKENS; token++) decodeMs.push(await timed(() => model.generate()));
  return { prefillMs, decodeMs };
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
