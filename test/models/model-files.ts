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

/** Opens and closes a model: "opened", or the code and message of the error; anything but a RepoMemoryError is thrown on. */
export async function outcome(path: string): Promise<string> {
  try {
    await (await openModel(path)).close();
    return "opened";
  } catch (error) {
    if (!(error instanceof RepoMemoryError)) throw error;
    // Paths differ from run to run.
    return `${error.code}: ${error.message.replaceAll(path, "FILE")}`;
  }
}
