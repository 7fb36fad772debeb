/** From a ranking to the blocks that enter the window, and their order there. */

/** What the choice needs to know of a block. */
interface Candidate {
  id: number;
  tokens: number;
  path: string;
  header: number;
  startLine: number;
}

/** Blocks of one file, in file order, behind one header. */
export interface FileGroup<T extends Candidate> {
  path: string;
  header: number;
  blocks: T[];
}

/** Blocks that one look-up may choose, however small they are. */
export const MOST_BLOCKS = 32;

/**
 * Takes blocks by rank until `budget` tokens are spent, headers counted once a file. A block that does not fit is
 * passed over for smaller ones, but the search ends when less than `smallest` is left.
 */
export function takeWithinBudget<T extends Candidate>(
  ranked: Iterable<T>,
  budget: number,
  headerTokens: (block: T) => number,
): T[] {
  const smallest = 16;
  const taken: T[] = [];
  const headers = new Set<number>();
  let left = budget;
  for (const block of ranked) {
    const cost = block.tokens + (headers.has(block.header) ? 0 : headerTokens(block));
    if (cost > left) continue;
    taken.push(block);
    headers.add(block.header);
    left -= cost;
    if (left < smallest || taken.length === MOST_BLOCKS) break;
  }
  return taken;
}

/**
 * Groups chosen blocks by file, each group in file order. The file of the best block comes last, nearest the question,
 * where a small model reads it best.
 */
export function arrange<T extends Candidate>(chosen: readonly T[]): FileGroup<T>[] {
  const groups = new Map<number, FileGroup<T>>();
  for (const block of chosen) {
    const group = groups.get(block.header) ?? { path: block.path, header: block.header, blocks: [] };
    group.blocks.push(block);
    groups.set(block.header, group);
  }
  for (const group of groups.values()) group.blocks.sort((a, b) => a.startLine - b.startLine);
  return [...groups.values()].reverse();
}
