/** Rows whose logits are computed at once. */
const LOGIT_ROWS = 128;

/** Mean nats a token; row i of `hidden` predicts token i. */
export async function nats(
  logitsOf: (hidden: Float32Array) => Promise<Float32Array>,
  hidden: Float32Array,
  tokens: Int32Array,
  width: number,
): Promise<number> {
  let sum = 0;
  for (let from = 0; from < tokens.length; from += LOGIT_ROWS) {
    const part = tokens.subarray(from, from + LOGIT_ROWS);
    const logits = await logitsOf(hidden.slice(from * width, (from + part.length) * width));
    const vocabulary = logits.length / part.length;
    part.forEach((token, i) => {
      const own = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
      const most = own.reduce((a, b) => Math.max(a, b), -Infinity);
      sum += most + Math.log(own.reduce((a, b) => a + Math.exp(b - most), 0)) - (own[token] ?? 0);
    });
  }
  return sum / tokens.length;
}
