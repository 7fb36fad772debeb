/**
 * A seeded source of uniform numbers in [0, 1) with 53 random bits: xoshiro128** (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled by splitmix32 as its authors advise. One seed, one sequence.
 */
export function createRandom(seed: number): () => number {
  const next = splitmix32(seed);
  const state = Uint32Array.of(next(), next(), next(), next());
  return () => {
    const high = xoshiro128(state) >>> 5; // 27 bits
    const low = xoshiro128(state) >>> 6; // 26 bits
    return (high * 2 ** 26 + low) / 2 ** 53;
  };
}

function splitmix32(seed: number): () => number {
  // Seeds above 2^32 differ from those below by their high word.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}

function xoshiro128(state: Uint32Array): number {
  let [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
  const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
  const shifted = s1 << 9;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= shifted;
  s3 = rotateLeft(s3, 11);
  state.set([s0, s1, s2, s3]);
  return result;
}

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
