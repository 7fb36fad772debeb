import { IgnoreRules } from "./ignore-rules.ts";
import { SecretList } from "./secrets.ts";
import { skipByName } from "./text-files.ts";

/** What a folder's files have to be like to be read. */
export interface WalkOptions {
  /** Larger files are skipped; 1 MiB by default. */
  maxFileBytes?: number;
  /** More patterns (gitignore syntax) of files that must never be read. */
  secretPatterns?: readonly string[];
}

/** The limit where `WalkOptions` names none. */
export const MAX_FILE_BYTES = 2 ** 20;

/** `ignored`: the user (or git) does not want it, nothing is said about it; a reason: it is listed as skipped. */
export type NameVerdict = "read" | "ignored" | { reason: string };

/** Decides by names alone which entries of a folder are read. Ignore files are read once: make a new one for each walk. */
export class FolderFilter {
  readonly secrets: SecretList;
  readonly #rules: IgnoreRules;

  private constructor(rules: IgnoreRules, secrets: SecretList) {
    this.#rules = rules;
    this.secrets = secrets;
  }

  /** A filter for `folder`, an absolute real path. */
  static async open(folder: string, options: WalkOptions): Promise<FolderFilter> {
    return new FolderFilter(await IgnoreRules.open(folder), new SecretList(options.secretPatterns));
  }

  /** The verdict on an entry whose directory is read. `path` is relative; a directory's ends in "/". */
  async verdict(path: string): Promise<NameVerdict> {
    if (path.endsWith("/.git/") || path === ".git/" || path.endsWith("/.git") || path === ".git") return "ignored";
    if (await this.#rules.ignores(path)) return "ignored";
    const reason = this.secrets.byName(path) ?? (path.endsWith("/") ? undefined : skipByName(path));
    return reason === undefined ? "read" : { reason };
  }

  /** The verdict on a path of which nothing is known yet: that of the first directory that is not read, or its own. */
  async verdictFromRoot(path: string): Promise<NameVerdict> {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const verdict = await this.verdict(`${parts.slice(0, depth).join("/")}/`);
      if (verdict !== "read") return verdict;
    }
    return this.verdict(path);
  }
}
