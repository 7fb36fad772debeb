import { randomInteger, seededRandom } from "./random.ts";

/** Token ids of no meaning that any fixture knows; none is a special token. */
export function randomTokens(count: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length: count }, () => 3 + randomInteger(random, 300));
}
