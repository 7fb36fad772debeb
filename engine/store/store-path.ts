import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";

import { RepoMemoryError } from "../protocol/errors.ts";

/**
 * Where the store of a folder lies for one model: `<dataDir>/workspaces/<name>-<hash of the real path>/<hash of the encoder's
 * key>.sqlite`. Throws `folder-not-found`.
 */
export function storePath(dataDir: string, folder: string, encoderKey: string): string {
  return join(storeFolder(dataDir, folder), `${shortHash(encoderKey)}.sqlite`);
}

/** Where all stores of a folder lie, one a model. Throws `folder-not-found`. */
export function storeFolder(dataDir: string, folder: string): string {
  const real = realFolder(folder);
  return join(dataDir, "workspaces", `${readableName(real)}-${shortHash(real)}`);
}

/** The folder's real path, as its store knows it. Throws `folder-not-found`. */
export function realFolder(folder: string): string {
  try {
    const real = realpathSync.native(folder);
    if (statSync(real).isDirectory()) return real;
    throw new Error("it is not a folder");
  } catch (cause) {
    throw new RepoMemoryError("folder-not-found", {
      message: `The folder ${folder} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
      remedy: "Check the path.",
      cause,
    });
  }
}

/** For people who look into the data folder; the hash beside it is what tells folders apart. */
function readableName(folder: string): string {
  return (
    basename(folder)
      .replace(/[^\w.-]+/g, "_")
      .slice(0, 40) || "root"
  );
}

function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
