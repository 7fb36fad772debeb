/** Texts that go through a model in one run, one behind the other. */
import type { Rows } from "./device-rows.ts";
import type { PrefillResult } from "./prefill-result.ts";

/** All texts' tokens. */
export function joinedTokens(texts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(texts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const text of texts) {
    joined.set(text, at);
    at += text.length;
  }
  return joined;
}

/** The rows of a run that takes all texts, each behind `length` tokens as if it were alone. */
export function batchRows(length: number, texts: readonly Int32Array[]): Required<Rows> {
  const positions = texts.map((text) => Int32Array.from(text, (_, i) => length + i));
  return { tokens: joinedTokens(texts), positions: joinedTokens(positions), firsts: firstRows(texts) };
}

/** For each token of all texts, the row in which its own text begins. */
function firstRows(texts: readonly Int32Array[]): Int32Array {
  let first = 0;
  const rows = texts.map((text) => {
    const own = new Int32Array(text.length).fill(first);
    first += text.length;
    return own;
  });
  return joinedTokens(rows);
}

/** Each text's rows of what came out of their run; views, not copies. */
export function splitRun(run: PrefillResult, texts: readonly Int32Array[]): PrefillResult[] {
  const total = texts.reduce((sum, { length }) => sum + length, 0);
  let to = 0;
  return texts.map(({ length }) => {
    const from = to;
    to += length;
    const rowsOf = (all: Float32Array) => all.subarray((from * all.length) / total, (to * all.length) / total);
    const rowsOfEach = (all: ReadonlyMap<number, Float32Array>) =>
      new Map([...all].map(([layer, values]) => [layer, rowsOf(values)]));
    return {
      kv: { keys: run.kv.keys.map(rowsOf), values: run.kv.values.map(rowsOf) },
      hidden: rowsOf(run.hidden),
      queries: rowsOfEach(run.queries),
      residuals: rowsOfEach(run.residuals),
    };
  });
}
