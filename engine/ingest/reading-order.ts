/** Which files of a folder its people work on: those are read first. */
import { execFile } from "node:child_process";
import { homedir } from "node:os";

import type { WalkedFile } from "./walk.ts";

/** Files touched within this long count as worked on. */
const RECENT_MS = 24 * 3600 * 1000;
/** Where more than this share of the files is recent (a fresh clone), their times say nothing. */
const MOST_RECENT = 0.25;
/** Commits that are looked through for recent files. */
const COMMITS = 20;
/** More recent files than this are no help in choosing. */
const MOST_FILES = 100;
/** A slow or hanging `git` must not hold up a reading. */
const GIT_MS = 3_000;

/**
 * Paths of the files that were worked on lately, the latest first: by their times where these tell something, then by the last
 * commits of the repository, if there is one. @param folder absolute path
 */
export async function recentFiles(folder: string, files: readonly WalkedFile[], now = Date.now()): Promise<string[]> {
  const since = BigInt(now - RECENT_MS) * 1_000_000n;
  const touched = files.filter(({ mtimeNs }) => mtimeNs >= since);
  const byTime = touched.length > MOST_RECENT * files.length ? [] : touched.toSorted(latestFirst);
  const committed = await committedFiles(folder);
  return [...new Set([...byTime.map(({ path }) => path), ...committed])].slice(0, MOST_FILES);
}

function latestFirst(a: WalkedFile, b: WalkedFile): number {
  if (a.mtimeNs === b.mtimeNs) return 0;
  return a.mtimeNs > b.mtimeNs ? -1 : 1;
}

/** Files of the last commits, relative to the folder; run from the home folder, since some systems look for programs in the current one. */
function committedFiles(folder: string): Promise<string[]> {
  const parameters = ["-C", folder, "log", "-n", String(COMMITS), "--format=", "--name-only", "--relative", "-z"];
  const options = { cwd: homedir(), timeout: GIT_MS, windowsHide: true, maxBuffer: 2 ** 22 };
  return new Promise((settle) => {
    execFile("git", parameters, options, (_error, output) => {
      settle(output.split("\0").flatMap((path) => path.trim() || []));
    });
  });
}
