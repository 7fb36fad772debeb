/** A folder of about N tokens of real sources: the haystack of evaluations, and what benches of size read. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PackageSource } from "../eval/corpus-recipes.ts";
import { packageFiles } from "../eval/fetch-package.ts";

/** 1.27 million tokens of SmolLM2's in 620 hand-written files, without translations, migrations and tests. BSD licence. */
const DJANGO: PackageSource = {
  client: "pip",
  requirement: "django==5.2.8",
  sha256: "37e687f7bd73ddf043e2b6b97cfe02fcbb11f2dbb3adccc6a2b18c6daa054d7f",
  from: "django/",
  to: "django/",
  keep: /\.py$/,
  leave: /(?:^|\/)(?:locale|migrations|tests)\//,
};

/** A file in memory; its path is relative to the folder, with `/`. */
export interface SourceFile {
  path: string;
  text: string;
  tokens: number;
}

/** A folder on disk and what is in it, in the order of the paths. */
export interface SourceFolder {
  folder: string;
  files: SourceFile[];
  /** Of all files, each counted whole. */
  tokens: number;
}

/** How large a text is for the model at hand. */
export type CountTokens = (text: string) => number;

/**
 * The first files of Django, by path, that have `tokens` tokens together; made once a size below `dataDir`.
 * @throws Error where the package cannot be fetched or has fewer tokens
 */
export async function largeFolder(dataDir: string, tokens: number, count: CountTokens): Promise<SourceFolder> {
  const texts = await packageFiles(DJANGO, join(dataDir, "eval", "archives"));
  const full = [...texts].map(([path, text]) => ({ path, text })).filter(({ text }) => text.trim() !== "");
  const files = takeTokens(full, tokens, count);
  return { ...writeFolder(join(dataDir, "eval", "folders"), `django-${tokens}`, files), files };
}

/** Whole files, first to last, until they have `tokens` tokens together. @throws Error where all have fewer */
export function takeTokens(
  files: Iterable<{ path: string; text: string }>,
  tokens: number,
  count: CountTokens,
): SourceFile[] {
  const taken: SourceFile[] = [];
  let sum = 0;
  for (const { path, text } of files) {
    if (sum >= tokens) break;
    taken.push({ path, text, tokens: count(text) });
    sum += taken.at(-1)?.tokens ?? 0;
  }
  if (sum < tokens) throw new Error(`All files have ${sum} tokens together, and ${tokens} are wanted`);
  return taken;
}

/**
 * Writes files below `parent` into a folder that is named by what is in it: found again while nothing changes, and whole
 * whenever it is there.
 */
export function writeFolder(
  parent: string,
  name: string,
  files: readonly SourceFile[],
): Pick<SourceFolder, "folder" | "tokens"> {
  const hash = createHash("sha256");
  for (const { path, text } of files) hash.update(`${path}\0${text}\0`);
  const folder = join(parent, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (!existsSync(folder)) {
    const work = `${folder}.${process.pid}`;
    for (const { path, text } of files) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), text);
    }
    renameInto(work, folder);
  }
  return { folder, tokens: files.reduce((sum, file) => sum + file.tokens, 0) };
}

/** Another process may have made the same folder meanwhile: then that one is as good. */
function renameInto(work: string, folder: string): void {
  try {
    renameSync(work, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(work, { recursive: true, force: true });
  }
}
