import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openModel } from "../../engine/models/open-model.ts";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";

/** A folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "repo-memory-models-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Path of a file with these bytes, in a folder that is removed when the test ends. */
export async function temporaryFile(bytes: Uint8Array, name = "model.gguf"): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes);
  return path;
}

/**
 * Opens a model, reads some of its tensors and closes it: "opened", or the code and message of the error. Anything but a
 * RepoMemoryError is thrown on.
 */
export async function outcome(path: string): Promise<string> {
  try {
    const model = await openModel(path);
    for (const name of ["embedding", "final_norm", "layer.0.q", "layer.0.down"] as const) await model.read(name);
    await model.close();
    return "opened";
  } catch (error) {
    if (!(error instanceof RepoMemoryError)) throw error;
    // Paths differ from run to run.
    return `${error.code}: ${error.message.replaceAll(path, "FILE")}`;
  }
}
