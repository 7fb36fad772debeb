import { existsSync } from "node:fs";
import { MODEL_PROBLEM_VARIABLE, MODEL_VARIABLE, testDataDir } from "./model.ts";

/** Path of the tests' model: the one that the environment names, or the one kept on this machine, fetched on first use. */
export async function obtainTestModel(): Promise<string> {
  const named = process.env[MODEL_VARIABLE];
  if (named !== undefined) return named;
  const path = `${testDataDir()}/models/SmolLM2-135M-Instruct.Q4_1.gguf`;
  if (!existsSync(path)) throw new Error(`No model at ${path}`);
  return path;
}

/** Runs once before the test processes start, which inherit the variables that it sets. */
export async function setup(): Promise<void> {
  try {
    process.env[MODEL_VARIABLE] = await obtainTestModel();
  } catch (error) {
    process.env[MODEL_PROBLEM_VARIABLE] = error instanceof Error ? error.message : String(error);
  }
}
