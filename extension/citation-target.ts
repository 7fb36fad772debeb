import { realpath } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";

/**
 * The file that a citation names, or undefined when it does not lie in the folder. A model's output, a webview's message
 * and a store's contents can all be wrong about a path, so links are followed before the answer is given.
 */
export async function citationTarget(folder: string, path: string): Promise<string | undefined> {
  if (isAbsolute(path) || path.includes("\0")) return undefined;
  const file = join(folder, path);
  if (!isInside(folder, file)) return undefined;
  try {
    return isInside(await realpath(folder), await realpath(file)) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `path` is something below `folder`; both absolute. */
function isInside(folder: string, path: string): boolean {
  const steps = relative(folder, path);
  return steps !== "" && steps !== ".." && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}
