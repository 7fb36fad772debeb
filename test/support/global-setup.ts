import { existsSync } from "node:fs";
import { MODEL_PROBLEM_VARIABLE, MODEL_VARIABLE, testDataDir } from "./model.ts";

/** Runs once before the test processes start, which inherit the variables that it sets. */
export function setup(): void {
  if (process.env[MODEL_VARIABLE] !== undefined) return;
  const path = `${testDataDir()}/models/SmolLM2-135M-Instruct.Q4_1.gguf`;
  if (existsSync(path)) process.env[MODEL_VARIABLE] = path;
  else process.env[MODEL_PROBLEM_VARIABLE] = `No model at ${path}`;
}
