import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { ModelInfo } from "../protocol/requests.ts";
import { CATALOG, chooseModel } from "./catalog.ts";
import { findLocalModels, type LocalModel } from "./local-models.ts";
import { modelsFolder } from "./obtain-model.ts";
import { openModel } from "./open-model.ts";
import { PIP_MODEL } from "./pip-model.ts";

/** Files of other programs that are opened to see whether they can be run: each takes some tenths of a second. */
const MAX_OPENED = 40;

/** Where models are looked for. */
export interface ListRequest {
  /** All memory that the machine has. */
  memoryBytes: number;
  dataDir: string;
  home: string;
  env: NodeJS.ProcessEnv;
  /** The model that is open, which comes first. */
  inUse?: ModelInfo;
}

/** All models that a user can choose: the one in use, those on this machine, those for download; no path twice. */
export async function listModels({ memoryBytes, dataDir, home, env, inUse }: ListRequest): Promise<ModelInfo[]> {
  const others = [...(await downloadedModels(modelsFolder(dataDir))), ...(await otherPrograms(home, env))];
  const onDisk = others.filter(
    ({ path }) => path === undefined || inUse?.path === undefined || resolve(path) !== resolve(inUse.path),
  );
  const present = new Set([...others, ...(inUse === undefined ? [] : [inUse])].map(({ path }) => basename(path ?? "")));
  const suggested = chooseModel(memoryBytes).name;
  const downloadable = CATALOG.filter(({ file }) => !present.has(file)).map(
    ({ name, parameters, bytes, license, minMemoryBytes }): ModelInfo => {
      const facts = { name, parameters, bytes, license, minMemoryBytes };
      return { ...facts, state: "downloadable", suggested: name === suggested };
    },
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

/** What other programs hold and this engine can run, by the files' own headers. */
async function otherPrograms(home: string, env: NodeJS.ProcessEnv): Promise<ModelInfo[]> {
  const models: ModelInfo[] = [];
  for (const found of (await findLocalModels(home, env)).slice(0, MAX_OPENED)) {
    const facts = await factsOf(found);
    if (facts !== undefined) models.push(facts);
  }
  return models;
}

/** Undefined for a file that the engine would refuse: damaged, or of an architecture or type that it does not have. */
async function factsOf({ name, path, bytes, source }: LocalModel): Promise<ModelInfo | undefined> {
  try {
    const model = await openModel(path);
    const { architecture, contextTokens, license } = model.config;
    await model.close();
    return { name, path, architecture, contextTokens, bytes, license, source, state: "on-disk" };
  } catch {
    return undefined;
  }
}
