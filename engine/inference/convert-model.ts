/** From a checkpoint to the ONNX graphs that run it, once: the result is kept, and found again by the weights' hash. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ModelSource } from "../models/model-source.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext } from "../protocol/requests.ts";
import { Conversion } from "./conversion.ts";
import { CONVERTER_VERSION, type ConvertedModel, readConverted } from "./converted-model.ts";

/** What the folder of a conversion in work ends in, with the process that works there before it. */
const WORK_FOLDER = /\.(\d+)-[0-9a-f]{8}\.tmp$/;
/** A work folder that was not written to for so long belongs to nobody: the longest step is far shorter. */
const ABANDONED_MS = 24 * 3600 * 1000;

/**
 * Finds or makes the converted model. Conversion writes into a folder of its own and renames it at the end, so what is
 * found is always whole.
 * @param modelsDir where converted models are kept
 */
export async function convertModel(
  source: ModelSource,
  modelsDir: string,
  threads: number,
  context: CallContext,
): Promise<ConvertedModel> {
  await sweepWorkFolders(modelsDir);
  const hash = await source.hash();
  const folder = join(modelsDir, `${hash.slice(0, 16)}-v${CONVERTER_VERSION}`);
  const found = await readConverted(folder);
  if (found) return found;
  const work = `${folder}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  await mkdir(work, { recursive: true });
  try {
    await new Conversion(source, work, threads, context).run(hash);
    await rename(work, folder).catch(async () => {
      // Another process may have been first: its result is as good. What else is there is damaged.
      if (await readConverted(folder)) return;
      await rm(folder, { recursive: true, force: true });
      await rename(work, folder);
    });
  } catch (error) {
    throw isDiskFull(error) ? diskFull(modelsDir, error) : error;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  await sweepOlder(modelsDir, hash.slice(0, 16));
  const made = await readConverted(folder);
  if (!made) throw new Error(`The conversion left no model in ${folder}`);
  return made;
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

function diskFull(modelsDir: string, cause: unknown): RepoMemoryError {
  return new RepoMemoryError("disk-full", {
    message: `The disk is full: the model could not be prepared in ${modelsDir}.`,
    meaning: "A model is prepared once, and takes more than twice its file's size.",
    remedy: "Free some space, or choose a smaller model, then try again.",
    cause,
  });
}

/** Deletes what earlier versions of this program made of the same weights: nothing reads it any more. */
async function sweepOlder(modelsDir: string, hash: string): Promise<void> {
  for (const name of await readdir(modelsDir)) {
    const version = name.startsWith(`${hash}-v`) ? Number(name.slice(hash.length + 2)) : Number.NaN;
    if (version < CONVERTER_VERSION)
      await rm(join(modelsDir, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Deletes what conversions left behind that were killed: each takes as much room as a model. */
async function sweepWorkFolders(modelsDir: string): Promise<void> {
  const names = await readdir(modelsDir).catch(() => []);
  for (const name of names.filter((each) => each.endsWith(".tmp"))) {
    const path = join(modelsDir, name);
    if (await isAbandoned(path, name)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Another machine may share the folder, where the process number says nothing: there its age decides. */
async function isAbandoned(path: string, name: string): Promise<boolean> {
  const pid = Number(WORK_FOLDER.exec(name)?.[1] ?? 0);
  if (pid > 0 && isAlive(pid)) return false;
  const times = await Promise.all(
    [path, ...(await readdir(path).catch(() => [])).map((file) => join(path, file))].map(lastChange),
  );
  const quiet = Date.now() - Math.max(...times);
  return quiet > (pid > 0 ? ABANDONED_MS / 24 : ABANDONED_MS);
}

async function lastChange(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
