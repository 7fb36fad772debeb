import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Names the model file of the tests; set by the global set-up when the caller did not. */
export const MODEL_VARIABLE = "REPO_MEMORY_TEST_MODEL";

/** Why no model could be had, left by the global set-up for the tests that ask. */
export const MODEL_PROBLEM_VARIABLE = "REPO_MEMORY_TEST_MODEL_PROBLEM";

/** Where tests keep what is fetched once a machine: outside the tree, so that a fresh clone finds it again. */
export function testDataDir(): string {
  return process.env["REPO_MEMORY_HOME"] ?? join(homedir(), ".cache", "repo-memory");
}

/**
 * Absolute path of the real model (a GGUF file) that tests run.
 * @throws Error saying what was tried, when the set-up could not get one.
 */
export function testModelPath(): string {
  const path = process.env[MODEL_VARIABLE];
  if (path !== undefined && existsSync(path)) return path;
  const problem = process.env[MODEL_PROBLEM_VARIABLE] ?? `${MODEL_VARIABLE} names no file: ${path ?? "(not set)"}`;
  throw new Error(`This test needs the real model. ${problem}`);
}
