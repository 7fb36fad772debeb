import { execFile } from "node:child_process";
import { lstat, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

import { readBounded } from "./bounded-read.ts";

/** A file of ignore patterns is never this large; hostile ones may be. */
const MAX_PATTERN_BYTES = 2 ** 20;

/** A slow or hanging `git` must not hold up an ingestion. */
const GIT_MS = 5_000;

/** Where a work tree begins and where the directory lies that its branches share. */
interface Repository {
  root: string;
  commonDir: string;
}

/** Ignore patterns that lie outside the folder, the more important last. */
export interface OuterPatterns {
  /** The user's `core.excludesFile`, relative to nothing. */
  global: string;
  /** The repository's `.git/info/exclude`, relative to its root. */
  exclude: string;
  /** `.gitignore` of each directory from the repository's root down to the folder's parent. */
  parents: { directory: string; text: string }[];
  /** The repository's root; undefined outside a repository. */
  root: string | undefined;
}

/** Collects the patterns that git would apply to `folder` from outside it. */
export async function outerPatterns(folder: string): Promise<OuterPatterns> {
  const repository = await findRepository(folder);
  const global = await userPatterns(await globalExcludesPath(folder));
  if (repository === undefined) return { global, exclude: "", parents: [], root: undefined };
  const exclude = await readPatterns(join(repository.commonDir, "info", "exclude"));
  const parents = [];
  for (const directory of directoriesBetween(repository.root, folder)) {
    parents.push({ directory, text: await readPatterns(join(directory, ".gitignore")) });
  }
  return { global, exclude, parents, root: repository.root };
}

/** The user's own file may be a link (to where dotfiles are kept); one in the folder may not. */
async function userPatterns(path: string): Promise<string> {
  return readPatterns(await realpath(path).catch(() => path));
}

/** The text of a file of patterns; empty where there is none. */
export async function readPatterns(path: string): Promise<string> {
  const read = await readBounded(path, MAX_PATTERN_BYTES);
  return "bytes" in read ? read.bytes.toString("utf8").replace(/^\uFEFF/, "") : "";
}

/** From `root` down to the parent of `folder`, both absolute. */
function directoriesBetween(root: string, folder: string): string[] {
  const directories: string[] = [];
  for (let at = folder; at !== root;) {
    at = dirname(at);
    directories.unshift(at);
  }
  return directories;
}

async function findRepository(folder: string): Promise<Repository | undefined> {
  for (let root = folder; ; root = dirname(root)) {
    const commonDir = await commonDirOf(join(root, ".git"));
    if (commonDir !== undefined) return { root, commonDir };
    if (dirname(root) === root) return undefined;
  }
}

/** `.git` is a directory, or in a linked work tree or submodule a file that names it (gitrepository-layout). */
async function commonDirOf(dotGit: string): Promise<string | undefined> {
  const stat = await lstat(dotGit).catch(() => undefined);
  if (stat?.isDirectory()) return dotGit;
  if (!stat?.isFile()) return undefined;
  const named = /^gitdir: (.+?)\s*$/.exec(await readPatterns(dotGit))?.[1];
  if (named === undefined) return undefined;
  const gitDir = resolve(dirname(dotGit), named);
  const common = (await readPatterns(join(gitDir, "commondir"))).trim();
  return resolve(gitDir, common);
}

/** Asks git itself, which knows about includes; run from the home folder, since some systems look for programs in the current one. */
async function globalExcludesPath(folder: string): Promise<string> {
  const config = process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  const configured = await new Promise<string>((settle) => {
    const parameters = ["-C", folder, "config", "--type=path", "--get", "core.excludesFile"];
    const options = { cwd: homedir(), timeout: GIT_MS, windowsHide: true };
    execFile("git", parameters, options, (error, output) => settle(error === null ? output.trim() : ""));
  });
  return configured === "" ? join(config, "git", "ignore") : resolve(folder, configured);
}
