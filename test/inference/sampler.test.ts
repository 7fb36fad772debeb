import { describe, expect, it } from "vitest";
import { createRandom } from "../../engine/inference/random.ts";
import { createSampler } from "../../engine/inference/sampler.ts";
import type { SamplingOptions } from "../../engine/protocol/requests.ts";

/** The candidates of a plain sampler that sorts the whole vocabulary: [id, probability], best first. */
function oracle(logits: Float32Array, recent: readonly number[], options: SamplingOptions): [number, number][] {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const penalised = Float32Array.from(logits, (logit, id) =>
    !recent.includes(id) ? logit : logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty,
  );
  const highest = Math.max(...penalised);
  let ranked = [...penalised].map((logit, id): [number, number] => [id, Math.exp((logit - highest) / temperature)]);
  ranked.sort(([a, x], [b, y]) => y - x || a - b);
  if (topK > 0) ranked = ranked.slice(0, topK);
  const total = ranked.reduce((sum, [, weight]) => sum + weight, 0);
  let before = 0;
  ranked = ranked.filter(([, weight]) => {
    const kept = topP === 1 || before < topP * total;
    before += weight;
    return kept;
  });
  ranked = ranked.filter(([, weight]) => weight >= minP);
  const rest = ranked.reduce((sum, [, weight]) => sum + weight, 0);
  return ranked.map(([id, weight]) => [id, weight / rest]);
}

function randomLogits(seed: number, size: number, spread: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: size }, () => Math.round((random() - 0.5) * spread * 8) / 8);
}

const CASES: SamplingOptions[] = [
  { temperature: 1 },
  { temperature: 0.7, topK: 5 },
  { temperature: 1.5, topP: 0.8 },
  { temperature: 1, minP: 0.1 },
  { temperature: 0.8, topK: 10, topP: 0.9, minP: 0.05, repetitionPenalty: 1.3 },
  { temperature: 2, topK: 1000, repetitionPenalty: 0.5 },
  { temperature: 1, topP: 1e-6 },
  { temperature: 1, minP: 1 },
];

describe("sampling", () => {
  it.each(CASES)("draws the tokens of the plain sampler, as often: %o", (options) => {
    const draws = 10_000;
    for (let seed = 0; seed < 3; seed++) {
      const logits = randomLogits(seed, 40, 6);
      const recent = [0, 3, 3, 17, 99];
      const expected = oracle(logits, recent, options);
      const sampler = createSampler({ ...options, seed });
      const counts = new Map<number, number>();
      for (let i = 0; i < draws; i++) {
        const id = sampler.next(logits, recent);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
      const possible = new Set(expected.map(([id]) => id));
      expect([...counts.keys()].filter((id) => !possible.has(id))).toEqual([]);
      // Pearson's chi-square; its mean is the degrees of freedom, its deviation sqrt(2 df): six of them are allowed.
      const chiSquare = expected.reduce(
        (sum, [id, p]) => sum + ((counts.get(id) ?? 0) - draws * p) ** 2 / (draws * p),
        0,
      );
      const freedom = expected.length - 1;
      expect(chiSquare).toBeLessThanOrEqual(freedom + 6 * Math.sqrt(2 * freedom));
    }
  });

  it("is the same for the same seed, and not for another", () => {
    const logits = randomLogits(1, 1000, 4);
    const run = (seed?: number) => {
      const sampler = createSampler({ temperature: 1, ...(seed === undefined ? {} : { seed }) });
      return Array.from({ length: 50 }, () => sampler.next(logits, []));
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
    expect(run(7)).not.toEqual(run(7 + 2 ** 32));
    expect(run()).not.toEqual(run());
  });

  it("takes the best token of a whole vocabulary at temperature 0, the first of equals", () => {
    const logits = randomLogits(3, 152_000, 20);
    logits[151_999] = 100;
    logits[77_000] = 100;
    expect(createSampler({}).next(logits, [])).toBe(77_000);
    expect(createSampler({ temperature: 1e-30, topP: 0.9, seed: 1 }).next(logits, [])).toBe(77_000);
  });

  it("keeps to the best few of a whole vocabulary", () => {
    const logits = randomLogits(4, 152_000, 4);
    const best = [5, 70_000, 151_998];
    for (const id of best) logits[id] = 9;
    for (const options of [{ topK: 3 }, { minP: 0.9 }]) {
      const sampler = createSampler({ temperature: 1, seed: 5, ...options });
      const drawn = new Set(Array.from({ length: 100 }, () => sampler.next(logits, [])));
      expect([...drawn].sort((a, b) => a - b)).toEqual(best);
    }
  });

  it("penalises what came before, also when greedy, and leaves the logits alone", () => {
    const logits = Float32Array.of(1, 2, -1);
    expect(createSampler({ repetitionPenalty: 3 }).next(logits, [1, 1])).toBe(0);
    expect(createSampler({ repetitionPenalty: 3 }).next(Float32Array.of(-1, -2, -4), [0])).toBe(1);
    expect(logits).toEqual(Float32Array.of(1, 2, -1));
  });

  it("never draws a token that is ruled out", () => {
    const sampler = createSampler({ temperature: 5, seed: 1 });
    const logits = Float32Array.of(-Infinity, 0, -Infinity);
    expect(Array.from({ length: 20 }, () => sampler.next(logits, [0]))).toEqual(Array.from({ length: 20 }, () => 1));
  });
});

describe("refusals", () => {
  it.each([
    ["NaN", Float32Array.of(0, Number.NaN, 1)],
    ["NaN first", Float32Array.of(Number.NaN, 1)],
    ["infinity", Float32Array.of(0, Infinity)],
    ["no possible token", Float32Array.of(-Infinity, -Infinity)],
    ["nothing", new Float32Array()],
  ])("names logits with %s", (_, logits) => {
    for (const temperature of [0, 1]) {
      const next = () => createSampler({ temperature }).next(logits, []);
      expect(next).toThrow(expect.objectContaining({ code: "internal" }));
    }
  });

  it.each([
    { temperature: -1 },
    { temperature: Number.NaN },
    { temperature: Infinity },
    { topK: -1 },
    { topK: 1.5 },
    { topP: 0 },
    { topP: 1.1 },
    { minP: -0.1 },
    { repetitionPenalty: 0 },
    { seed: 0.5 },
  ])("refuses %o", (options) => {
    expect(() => createSampler(options)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describe("random numbers", () => {
  it("are even in [0, 1)", () => {
    const random = createRandom(2 ** 40 + 1);
    const bins = Array.from({ length: 64 }, () => 0);
    for (let i = 0; i < 64_000; i++) {
      const x = random();
      expect(x >= 0 && x < 1).toBe(true);
      const bin = Math.floor(x * 64);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeGreaterThan(63 - 5 * Math.sqrt(126));
    expect(chiSquare).toBeLessThan(63 + 5 * Math.sqrt(126));
  });
});
