import { posix, relative, sep } from "node:path";

import ignore from "ignore";

import { outerPatterns, readPatterns } from "./git-excludes.ts";

/** What no one reads, unless a pattern of the folder brings it back (`!node_modules/`). */
const DEFAULTS = `
node_modules/
.hg/
.svn/
.jj/
__pycache__/
.venv/
.tox/
.mypy_cache/
.pytest_cache/
.ruff_cache/
.DS_Store
`;

/** One file of patterns: those of directory `base` ("" or ending in "/"), or `prefix`, the walked folder's path from a directory above it. */
interface RuleFile {
  base: string;
  prefix: string;
  rules: ignore.Ignore;
}

/** As git does: names differ by case where the file system's do. */
const IGNORE_CASE = process.platform === "win32" || process.platform === "darwin";

/**
 * Decides what of a folder is ignored: `.gitignore` of each directory, `.git/info/exclude`, git's global excludes file, and
 * `.repomemoryignore`, which has the last word. Deeper files win over those above them, later patterns over earlier ones.
 */
export class IgnoreRules {
  readonly #folder: string;
  readonly #outer: readonly RuleFile[];
  /** By directory ("" or ending in "/"), read when first asked for. */
  readonly #inner = new Map<string, Promise<{ own: RuleFile; git: RuleFile }>>();

  private constructor(folder: string, outer: readonly RuleFile[]) {
    this.#folder = folder;
    this.#outer = outer;
  }

  /** Rules of `folder`, an absolute real path. */
  static async open(folder: string): Promise<IgnoreRules> {
    const { global, exclude, parents, root } = await outerPatterns(folder);
    const from = (directory: string): string => withSlash(relative(directory, folder).split(sep).join("/"));
    const outer = [
      ruleFile("", "", DEFAULTS),
      ruleFile("", root === undefined ? "" : from(root), global),
      ruleFile("", root === undefined ? "" : from(root), exclude),
      ...parents.map(({ directory, text }) => ruleFile("", from(directory), text)),
    ];
    return new IgnoreRules(folder, outer);
  }

  /** Whether an entry is ignored, given that the directory it lies in is not. `path` is relative; a directory's ends in "/". */
  async ignores(path: string): Promise<boolean> {
    const levels = await Promise.all(directoriesAbove(path).map((directory) => this.#rulesIn(directory)));
    const own = levels.map((level) => level.own);
    const git = [...this.#outer, ...levels.map((level) => level.git)];
    return lastVerdict(own, path) ?? lastVerdict(git, path) ?? false;
  }

  #rulesIn(directory: string): Promise<{ own: RuleFile; git: RuleFile }> {
    const known = this.#inner.get(directory);
    if (known !== undefined) return known;
    const read = async (name: string): Promise<RuleFile> =>
      ruleFile(directory, "", await readPatterns(posix.join(this.#folder, directory, name)));
    const rules = Promise.all([read(".repomemoryignore"), read(".gitignore")]).then(([own, git]) => ({ own, git }));
    this.#inner.set(directory, rules);
    return rules;
  }
}

function ruleFile(base: string, prefix: string, patterns: string): RuleFile {
  return { base, prefix, rules: ignore({ ignorecase: IGNORE_CASE }).add(patterns) };
}

function withSlash(path: string): string {
  return path === "" ? "" : `${path}/`;
}

/** "a/b/c" -> "", "a/", "a/b/". */
function directoriesAbove(path: string): string[] {
  const parts = path.replace(/\/$/, "").split("/").slice(0, -1);
  return ["", ...parts.map((_, i) => `${parts.slice(0, i + 1).join("/")}/`)];
}

/** The verdict of the deepest file that has one: ignored, kept, or undefined. */
function lastVerdict(files: readonly RuleFile[], path: string): boolean | undefined {
  for (const file of files.toReversed()) {
    const verdict = verdictOf(file, path);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

function verdictOf({ base, prefix, rules }: RuleFile, path: string): boolean | undefined {
  const tested = prefix + path.slice(base.length);
  const { ignored, unignored } = rules.test(tested);
  if (unignored) return false;
  if (!ignored) return undefined;
  // Ignored because of its directory, which another file kept (or which the user named): no word about the entry itself.
  const parent = posix.dirname(tested);
  return parent !== "." && rules.test(`${parent}/`).ignored ? undefined : true;
}
