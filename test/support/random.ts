/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer in [0, below). */
export function randomInteger(random: () => number, below: number): number {
  return Math.floor(random() * below);
}

/** One of `choices`. */
export function randomChoice<T>(random: () => number, choices: readonly T[]): T {
  const choice = choices[randomInteger(random, choices.length)];
  if (choice === undefined) throw new RangeError("nothing to choose from");
  return choice;
}
