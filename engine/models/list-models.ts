import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { ModelInfo } from "../protocol/requests.ts";
import { CATALOG } from "./catalog.ts";
import { findLocalModels } from "./local-models.ts";
import { modelsFolder } from "./obtain-model.ts";
import { PIP_MODEL } from "./pip-model.ts";

/** Where models are looked for. */
export interface ListRequest {
  dataDir: string;
  home: string;
  env: NodeJS.ProcessEnv;
  /** The model that is open, which comes first. */
  inUse?: ModelInfo;
}

/** All models that a user can choose: the one in use, those on this machine, those for download; no path twice. */
export async function listModels({ dataDir, home, env, inUse }: ListRequest): Promise<ModelInfo[]> {
  const others = [...(await downloadedModels(modelsFolder(dataDir))), ...(await otherPrograms(home, env))];
  const onDisk = others.filter(
    ({ path }) => path === undefined || inUse?.path === undefined || resolve(path) !== resolve(inUse.path),
  );
  const present = new Set([...others, ...(inUse === undefined ? [] : [inUse])].map(({ path }) => basename(path ?? "")));
  const downloadable = CATALOG.filter(({ file }) => !present.has(file)).map(
    ({ name, parameters, bytes, license }): ModelInfo => ({ name, parameters, bytes, license, state: "downloadable" }),
  );
  return [...(inUse === undefined ? [] : [inUse]), ...onDisk, ...downloadable];
}

/** What `obtainModel` has fetched. */
async function downloadedModels(folder: string): Promise<ModelInfo[]> {
  const known = [
    ...CATALOG.map(({ name, file, license, parameters }) => ({ name, file, license, parameters })),
    {
      name: "smollm2-135m (pip)",
      file: basename(PIP_MODEL.member),
      license: PIP_MODEL.license,
      parameters: 134_515_008,
    },
  ];
  const models: ModelInfo[] = [];
  for (const { name, file, license, parameters } of known) {
    const path = join(folder, file);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined) models.push({ name, path, license, parameters, bytes: stats.size, state: "on-disk" });
  }
  return models;
}

async function otherPrograms(home: string, env: NodeJS.ProcessEnv): Promise<ModelInfo[]> {
  const found = await findLocalModels(home, env);
  return found.map(({ name, path, bytes }) => ({ name, path, bytes, license: "", state: "on-disk" }));
}
