import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { SkippedFile } from "../protocol/requests.ts";
import { failureOf, largerThan } from "./bounded-read.ts";
import { MAX_FILE_BYTES } from "./folder-filter.ts";
import type { FolderFilter, WalkOptions } from "./folder-filter.ts";

/** A file that is to be read. */
export interface WalkedFile {
  /** Relative to the folder, with `/`. */
  path: string;
  /** In bytes. */
  size: number;
  mtimeNs: bigint;
}

/** What to walk, and whom to tell about what is left out. */
export interface Walk extends WalkOptions {
  /** Absolute real path. */
  folder: string;
  filter: FolderFilter;
  /** Where to begin: a directory's relative path ending in "/", or "" for the whole folder. */
  from?: string;
  onSkipped: (file: SkippedFile) => void;
}

/**
 * Lists the files that are to be read, depth first, names in code unit order. Links are never followed: what they point to
 * inside the folder is found under its own name, and what lies outside is none of ours.
 */
export async function* walk(options: Walk): AsyncGenerator<WalkedFile> {
  const pending = [options.from ?? ""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (path !== "" && !path.endsWith("/")) {
      const file = await statFile(path, options);
      if (file !== undefined) yield file;
      continue;
    }
    const inside = await listDirectory(path, options);
    // No spread: a directory may hold more entries than a call takes arguments.
    for (const entry of inside.toReversed()) pending.push(entry);
  }
}

/** Paths of the entries that are to be looked at; directories end in "/". */
async function listDirectory(directory: string, options: Walk): Promise<string[]> {
  const entries = await readdir(join(options.folder, directory), { withFileTypes: true }).catch((error: unknown) => {
    options.onSkipped({ path: directory, reason: failureOf(error).reason });
    return [];
  });
  const paths: string[] = [];
  for (const entry of entries.toSorted(byName)) {
    const path = directory + entry.name + (entry.isDirectory() ? "/" : "");
    const verdict = await options.filter.verdict(path);
    if (typeof verdict === "object") options.onSkipped({ path, ...verdict });
    else if (verdict === "read" && isWalkable(entry, path, options)) paths.push(path);
  }
  return paths;
}

function byName(a: Dirent, b: Dirent): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

function isWalkable(entry: Dirent, path: string, { onSkipped }: Walk): boolean {
  if (entry.isFile() || entry.isDirectory()) return true;
  onSkipped({ path, reason: entry.isSymbolicLink() ? "symbolic link" : "not a regular file" });
  return false;
}

async function statFile(path: string, options: Walk): Promise<WalkedFile | undefined> {
  const limit = options.maxFileBytes ?? MAX_FILE_BYTES;
  try {
    const { size, mtimeNs } = await lstat(join(options.folder, path), { bigint: true });
    if (size <= limit) return { path, size: Number(size), mtimeNs };
    options.onSkipped({ path, reason: largerThan(limit) });
  } catch (error) {
    const { missing, reason } = failureOf(error);
    if (!missing) options.onSkipped({ path, reason }); // gone since it was listed: as if it had never been
  }
  return undefined;
}
