import { RepoMemoryError } from "../protocol/errors.ts";

/** Paths come from other processes: only plain relative ones with `/` name files of the folder. @throws RepoMemoryError "usage" */
export function checkRelative(path: string): void {
  const parts = path.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..") || path.includes("\0")) {
    throw new RepoMemoryError("usage", { message: `${JSON.stringify(path)} is not a path relative to the folder.` });
  }
}

/** Whether the file says which others are to be read. */
export function isIgnoreFile(path: string): boolean {
  return /(?:^|\/)\.(?:git|repomemory)ignore$/.test(path);
}
