/** From a checkpoint to the ONNX graphs that run it, once: the result is kept, and found again by the weights' hash. */
import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ModelSource } from "../models/model-source.ts";
import type { CallContext } from "../protocol/requests.ts";
import { Conversion } from "./conversion.ts";
import { CONVERTER_VERSION, type ConvertedModel, readConverted } from "./converted-model.ts";

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
  const hash = await source.hash();
  const folder = join(modelsDir, `${hash.slice(0, 16)}-v${CONVERTER_VERSION}`);
  const found = await readConverted(folder);
  if (found) return found;
  const work = `${folder}.${randomUUID().slice(0, 8)}.tmp`;
  await mkdir(work, { recursive: true });
  try {
    await new Conversion(source, work, threads, context).run(hash);
    await rename(work, folder).catch(async () => {
      // Another process may have been first: its result is as good. What else is there is damaged.
      if (await readConverted(folder)) return;
      await rm(folder, { recursive: true, force: true });
      await rename(work, folder);
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const made = await readConverted(folder);
  if (!made) throw new Error(`The conversion left no model in ${folder}`);
  return made;
}
