import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Folder for stores, converted models and downloads, the same for the command line and the extension, so that what one
 * has read the other knows. `REPO_MEMORY_HOME` names another.
 */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  return env["REPO_MEMORY_HOME"] ?? join(homedir(), ".cache", "repo-memory");
}
