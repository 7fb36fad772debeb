/** Source files to learn from: folders of the user's and the packages that they depend on. */
import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";

import { languageOf } from "../ingest/definition-queries.ts";
import { FolderFilter } from "../ingest/folder-filter.ts";
import { readText } from "../ingest/read-text.ts";
import { walk } from "../ingest/walk.ts";

/** A source file of a project: the workspace, or one of the packages that it depends on. */
export interface SourceFile {
  project: string;
  /** Relative to the project, with `/`. */
  path: string;
  text: string;
}

/** A folder whose sources belong together. */
export interface Project {
  name: string;
  folder: string;
}

export interface SourceOptions {
  /** Projects by name that must not be learnt from. */
  exclude?: readonly string[];
  /** More patterns (gitignore syntax) of files that must never be read. */
  secretPatterns?: readonly string[];
  signal?: AbortSignal;
}

/** Larger files are bundles. */
const MAX_FILE_BYTES = 192 * 1024;
/** More files tell nothing new of a project. */
const FILES_PER_PROJECT = 240;
const MAX_PROJECTS = 400;

/** Where Python keeps a workspace's packages. */
const ENVIRONMENTS = [".venv", "venv", "env"];

/** Tests and examples describe cases, not code; bundles and copies repeat it. */
const UNWANTED =
  /(?:^|\/)(?:tests?|__tests__|spec|testdata|fixtures?|examples?|benchmarks?|benches|docs?|vendor|_vendor|third_party|locales?|i18n|umd)\/|[._-](?:test|spec|bundle|min)\.\w+$|_test\.\w+$|(?:^|\/)test_[^/]*$/i;

/** The sources of each folder and of the packages in it, a project at a time; an order that hangs on nothing but names. */
export async function* gatherSources(
  folders: readonly string[],
  options: SourceOptions = {},
): AsyncGenerator<SourceFile> {
  for (const folder of folders) {
    const name = basename(folder);
    for (const project of [{ name, folder }, ...(await dependenciesOf(folder))]) yield* sourcesOf(project, options);
  }
}

/** The sources of one project, those of a language in which definitions are found. */
export async function* sourcesOf(project: Project, options: SourceOptions = {}): AsyncGenerator<SourceFile> {
  if (options.exclude?.includes(project.name)) return;
  const folder = await realpath(project.folder).catch(() => undefined);
  if (folder === undefined) return;
  const limits = { maxFileBytes: MAX_FILE_BYTES, secretPatterns: options.secretPatterns ?? [] };
  const filter = await FolderFilter.open(folder, limits);
  const paths: string[] = [];
  for await (const { path } of walk({ folder, filter, ...limits, onSkipped: () => undefined })) {
    options.signal?.throwIfAborted();
    if (languageOf(path) !== undefined && !UNWANTED.test(path)) paths.push(path);
  }
  for (const path of inVariedOrder(paths).slice(0, FILES_PER_PROJECT)) {
    options.signal?.throwIfAborted();
    const read = await readText(folder, path, { maxFileBytes: MAX_FILE_BYTES, secrets: filter.secrets });
    if ("text" in read) yield { project: project.name, path, text: read.text };
  }
}

/** A random order, the same for the same paths; declarations without code come last. */
function inVariedOrder(paths: readonly string[]): string[] {
  const rank = (path: string): string =>
    (/\.d\.[cm]?ts$/.test(path) ? "z" : "a") + createHash("sha256").update(path).digest("hex");
  return paths
    .map((path) => ({ path, rank: rank(path) }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ path }) => path);
}

/** The installed packages of a workspace: `node_modules` and the site-packages of a virtual environment. */
async function dependenciesOf(folder: string): Promise<Project[]> {
  const node = await packagesIn(join(folder, "node_modules"));
  const python: Project[] = [];
  for (const environment of ENVIRONMENTS) {
    for (const library of await sitePackages(join(folder, environment))) python.push(...(await packagesIn(library)));
  }
  return [...node, ...python].slice(0, MAX_PROJECTS);
}

async function packagesIn(folder: string): Promise<Project[]> {
  const names = await directoriesIn(folder);
  const scoped = names.filter((name) => name.startsWith("@"));
  const inner = await Promise.all(
    scoped.map(async (scope) => (await directoriesIn(join(folder, scope))).map((name) => `${scope}/${name}`)),
  );
  return [...names.filter((name) => !/^[@._]|-info$/.test(name)), ...inner.flat()]
    .toSorted()
    .map((name) => ({ name, folder: join(folder, name) }));
}

async function sitePackages(environment: string): Promise<string[]> {
  const versions = await directoriesIn(join(environment, "lib"));
  const unix = versions.filter((name) => name.startsWith("python"));
  return [
    ...unix.map((name) => join(environment, "lib", name, "site-packages")),
    join(environment, "Lib/site-packages"),
  ];
}

async function directoriesIn(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
