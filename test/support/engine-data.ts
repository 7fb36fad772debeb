import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "./folder.ts";
import { testDataDir } from "./model.ts";

/**
 * A data folder of its own for one test, with empty stores, deleted after it. Converted models are shared between tests
 * and kept on the machine, since a conversion takes half a minute.
 */
export function temporaryDataDir(): string {
  const models = join(testDataDir(), "models");
  mkdirSync(models, { recursive: true });
  const folder = temporaryFolder();
  symlinkSync(models, join(folder, "models"), "junction");
  return folder;
}
