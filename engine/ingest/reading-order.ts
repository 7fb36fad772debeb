/** Which files of a folder its people work on: those are read first. */
import type { WalkedFile } from "./walk.ts";

/** Files touched within this long count as worked on. */
const RECENT_MS = 24 * 3600 * 1000;
/** Where more than this share of the files is recent (a fresh clone), their times say nothing. */
const MOST_RECENT = 0.25;
/** More recent files than this are no help in choosing. */
const MOST_FILES = 100;

/**
 * Paths of the files that were worked on lately, the latest first, by their times where these tell something. The repository's log would
 * tell more, but git runs programs and fetches what a repository's own settings name: a folder that is only read must not start any.
 */
export function recentFiles(files: readonly WalkedFile[], now = Date.now()): string[] {
  const since = BigInt(now - RECENT_MS) * 1_000_000n;
  const touched = files.filter(({ mtimeNs }) => mtimeNs >= since);
  if (touched.length > MOST_RECENT * files.length) return [];
  return touched
    .toSorted(latestFirst)
    .map(({ path }) => path)
    .slice(0, MOST_FILES);
}

function latestFirst(a: WalkedFile, b: WalkedFile): number {
  if (a.mtimeNs === b.mtimeNs) return 0;
  return a.mtimeNs > b.mtimeNs ? -1 : 1;
}
