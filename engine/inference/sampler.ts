import { RepoMemoryError } from "../protocol/errors.ts";
import type { SamplingOptions } from "../protocol/requests.ts";
import { createRandom } from "./random.ts";

/** Chooses tokens. */
export interface Sampler {
  /**
   * The id of the next token. `logits` [vocabulary] are left as they are; `recent` are the ids that the repetition
   * penalty holds against.
   * @throws RepoMemoryError `internal` when a logit is not a number or none is finite.
   */
  next(logits: Float32Array, recent: readonly number[]): number;
}

/** Tokens that may be chosen, each with its probability times a common factor; the likeliest token's weight is 1. */
interface Candidates {
  /** Undefined when `weights` are those of the whole vocabulary. */
  ids: readonly number[] | undefined;
  weights: Float64Array;
}

/**
 * A sampler with the filters in transformers' order: repetition penalty (Keskar et al. 2019, CTRL), temperature, top-k,
 * top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024). Greedy at temperature 0, which is the default. Equal logits
 * rank by id; top-k keeps exactly k. Without a seed, every sampler draws differently.
 *
 * @throws RepoMemoryError `usage` for an option out of range.
 */
export function createSampler(options: SamplingOptions): Sampler {
  checkOptions(options);
  const { temperature = 0, repetitionPenalty = 1 } = options;
  const random = createRandom(options.seed ?? Math.floor(Math.random() * 2 ** 53));
  let scratch = new Float32Array();
  return {
    next(logits, recent) {
      if (scratch.length !== logits.length) scratch = new Float32Array(logits.length);
      scratch.set(logits);
      penalize(scratch, recent, repetitionPenalty);
      const greedy = argmax(scratch);
      if (temperature === 0) return greedy;
      const { ids, weights } = candidates(scratch, scratch[greedy] ?? 0, options);
      const drawn = draw(weights, random());
      return ids?.[drawn] ?? drawn;
    },
  };
}

function checkOptions({ temperature, topK, topP, minP, repetitionPenalty, seed }: SamplingOptions): void {
  const check = (name: string, value: number | undefined, sound: (value: number) => boolean, range: string): void => {
    if (value === undefined || (Number.isFinite(value) && sound(value))) return;
    throw new RepoMemoryError("usage", { message: `${name} is ${value}; it must be ${range}.` });
  };
  check("temperature", temperature, (t) => t >= 0, "0 or more");
  check("topK", topK, (k) => Number.isInteger(k) && k >= 0, "a whole number, 0 for no limit");
  check("topP", topP, (p) => p > 0 && p <= 1, "above 0 and at most 1");
  check("minP", minP, (p) => p >= 0 && p <= 1, "between 0 and 1");
  check("repetitionPenalty", repetitionPenalty, (p) => p > 0, "above 0");
  check("seed", seed, Number.isSafeInteger, "a whole number");
}

/** Lowers each recent token's logit once, however often it came. */
function penalize(logits: Float32Array, recent: readonly number[], penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(recent)) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

function argmax(logits: Float32Array): number {
  let best = -1;
  let highest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    if (logit > highest) {
      highest = logit;
      best = id;
    } else if (Number.isNaN(logit)) throw badLogits(`the logit of token ${id} is not a number`);
  }
  if (!Number.isFinite(highest))
    throw badLogits(best < 0 ? "no token is possible" : `the logit of token ${best} is infinite`);
  return best;
}

/** What is left after top-k, top-p and min-p, best first; all tokens, by id, when none of them is set. */
function candidates(logits: Float32Array, highest: number, options: SamplingOptions): Candidates {
  const { temperature = 0, topK = 0, topP = 1, minP = 0 } = options;
  const weigh = (logit: number): number => Math.exp((logit - highest) / temperature);
  if (topK > 0) {
    const ids = ranked(logits, highest, (found) => found.length >= topK).slice(0, topK);
    const weights = Float64Array.from(ids, (id) => weigh(logits[id] ?? 0));
    return nucleus(ids, weights, topP * sum(weights), options);
  }
  const all = new Float64Array(logits);
  for (let id = 0; id < all.length; id++) all[id] = weigh(all[id] ?? 0);
  if (topP === 1 && minP === 0) return { ids: undefined, weights: all };
  const share = topP * sum(all);
  const weightOf = (id: number): number => all[id] ?? 0;
  const reachesShare = (ids: number[]): boolean => topP < 1 && sum(ids.map(weightOf)) >= share;
  const ids = ranked(logits, highest, (found, depth) => weigh(highest - depth) < minP || reachesShare(found));
  return nucleus(ids, Float64Array.from(ids, weightOf), share, options);
}

/** Logits further below the best than this are taken all together. */
const DEEPEST = 1024;

/**
 * The ids of all logits above some floor, best first, the floor lowered until they are `enough` (or all): only the few
 * that matter of 150,000 are sorted. `depth` is how far the floor lies below the highest logit.
 */
function ranked(logits: Float32Array, highest: number, enough: (ids: number[], depth: number) => boolean): number[] {
  for (let depth = 2; ; depth *= 2) {
    const floor = depth > DEEPEST ? -Infinity : highest - depth;
    const ids: number[] = [];
    for (let id = 0; id < logits.length; id++) if ((logits[id] ?? 0) >= floor) ids.push(id);
    if (floor > -Infinity && !enough(ids, depth)) continue;
    return ids.sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
  }
}

/** The first of `ids` (best first) until their weights reach `share`, or one is below min-p. */
function nucleus(ids: readonly number[], weights: Float64Array, share: number, options: SamplingOptions): Candidates {
  const { topP = 1, minP = 0 } = options;
  const enough = topP === 1 ? Infinity : share;
  let length = 0;
  for (let reached = 0; length < weights.length && reached < enough; length++) {
    const weight = weights[length] ?? 0;
    if (weight < minP) break;
    reached += weight;
  }
  return { ids, weights: weights.subarray(0, length) };
}

function sum(weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i] ?? 0;
  return total;
}

/** An index drawn by weight; `uniform` is in [0, 1). */
function draw(weights: Float64Array, uniform: number): number {
  let left = uniform * sum(weights);
  let drawn = 0;
  // Rounding may leave a rest behind the last weight: then the last that is not 0 is drawn.
  for (let i = 0; i < weights.length && left >= 0; i++) {
    const weight = weights[i] ?? 0;
    if (weight > 0) drawn = i;
    left -= weight;
  }
  return drawn;
}

function badLogits(what: string): RepoMemoryError {
  return new RepoMemoryError("internal", {
    message: `The model computed no usable prediction: ${what}.`,
    meaning: "The model file may be damaged, or its arithmetic overflowed.",
    remedy: "Download the model again; if that does not help, report this with the log.",
  });
}
