import { lstat, open, readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import * as v from "valibot";

/** A model file or folder that other programs left on this machine. Its contents are not looked at. */
export interface LocalModel {
  /** As its program calls it: "qwen2.5-coder:1.5b", "publisher/repository/file.gguf", … */
  name: string;
  /** Absolute path of a GGUF file, or of a folder with safetensors. */
  path: string;
  bytes: number;
  source: "ollama" | "lm-studio" | "hub-cache";
}

/** Enough for every collector of models; a folder that someone filled with names must not hold the list up. */
const MAX_ENTRIES = 2000;
const MAX_MODELS = 500;
/** Ollama's manifests have about 1 KB. */
const MAX_MANIFEST_BYTES = 1 << 18;

/**
 * Models of Ollama, LM Studio and the hub's tools, where they keep them by default or where `env` says. Everything in
 * those folders is untrusted: what is damaged, too large or leads out of them is left out.
 */
export async function findLocalModels(home: string, env: NodeJS.ProcessEnv): Promise<LocalModel[]> {
  const ollama = env["OLLAMA_MODELS"]
    ? [env["OLLAMA_MODELS"]]
    : [join(home, ".ollama", "models"), "/usr/share/ollama/.ollama/models"];
  const lmStudio = [join(home, ".lmstudio", "models"), join(home, ".cache", "lm-studio", "models")];
  const found = await Promise.all([
    ...ollama.map(ollamaModels),
    ...lmStudio.map(lmStudioModels),
    hubCacheModels(hubCacheFolder(home, env)),
  ]);
  return found.flat().slice(0, MAX_MODELS);
}

/** huggingface_hub's rules: HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. */
function hubCacheFolder(home: string, env: NodeJS.ProcessEnv): string {
  if (env["HF_HUB_CACHE"]) return env["HF_HUB_CACHE"];
  if (env["HF_HOME"]) return join(env["HF_HOME"], "hub");
  return join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "huggingface", "hub");
}

/** Names in a folder, sorted; none when it cannot be read. */
async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort().slice(0, MAX_ENTRIES);
  } catch {
    return [];
  }
}

/** Files exactly `depth` folders below `folder`, as paths relative to it; symbolic links are not followed. */
async function filesAtDepth(folder: string, depth: number): Promise<string[]> {
  let level = [""];
  for (let at = 0; at < depth; at++) {
    const next: string[] = [];
    for (const parent of level) {
      for (const name of await names(join(folder, parent))) {
        const path = join(parent, name);
        const stats = await lstat(join(folder, path)).catch(() => undefined);
        if (at + 1 < depth ? stats?.isDirectory() : stats?.isFile()) next.push(path);
        if (next.length >= MAX_ENTRIES) break;
      }
    }
    level = next;
  }
  return level;
}

const manifestSchema = v.object({
  layers: v.pipe(
    v.array(v.object({ mediaType: v.string(), digest: v.pipe(v.string(), v.maxLength(200)) })),
    v.maxLength(100),
  ),
});

/** `manifests/<registry>/<namespace>/<model>/<tag>` names the blob of each layer by its sha256. */
async function ollamaModels(folder: string): Promise<LocalModel[]> {
  const models: LocalModel[] = [];
  for (const manifest of await filesAtDepth(join(folder, "manifests"), 4)) {
    const digest = await modelDigest(join(folder, "manifests", manifest));
    if (digest === undefined) continue;
    const path = join(folder, "blobs", `sha256-${digest}`);
    const bytes = await ggufBytes(path);
    const [, namespace, model, tag] = manifest.split(sep);
    const name = `${namespace === "library" ? "" : `${namespace}/`}${model}:${tag}`;
    if (bytes !== undefined) models.push({ name, path, bytes, source: "ollama" });
  }
  return models;
}

async function modelDigest(manifest: string): Promise<string | undefined> {
  try {
    if ((await stat(manifest)).size > MAX_MANIFEST_BYTES) return undefined;
    const parsed = v.safeParse(manifestSchema, JSON.parse(await readFile(manifest, "utf8")));
    if (!parsed.success) return undefined;
    const layer = parsed.output.layers.find(({ mediaType }) => mediaType === "application/vnd.ollama.image.model");
    return /^sha256:([0-9a-f]{64})$/u.exec(layer?.digest ?? "")?.[1];
  } catch {
    return undefined;
  }
}

/** `<publisher>/<repository>/<file>.gguf` */
async function lmStudioModels(folder: string): Promise<LocalModel[]> {
  const models: LocalModel[] = [];
  for (const file of await filesAtDepth(folder, 3)) {
    const path = join(folder, file);
    const bytes = isModelName(file) ? await ggufBytes(path) : undefined;
    if (bytes !== undefined) models.push({ name: file.split(sep).join("/"), path, bytes, source: "lm-studio" });
  }
  return models;
}

/** A GGUF that can be opened on its own: no part of a split file but the first, and no image encoder. */
function isModelName(path: string): boolean {
  const name = path.slice(path.lastIndexOf(sep) + 1).toLowerCase();
  return name.endsWith(".gguf") && !name.startsWith("mmproj") && !/-\d{5}-of-\d{5}\.gguf$/u.test(name);
}

/** `models--<owner>--<name>/snapshots/<commit>/…`, each file a link into the repository's own `blobs`. */
async function hubCacheModels(folder: string): Promise<LocalModel[]> {
  const models: LocalModel[] = [];
  for (const repository of await names(folder)) {
    const [, owner, name] = /^models--(.+?)--(.+)$/u.exec(repository) ?? [];
    if (owner === undefined || name === undefined) continue;
    for (const commit of await names(join(folder, repository, "snapshots"))) {
      models.push(...(await snapshotModels(join(folder, repository), join("snapshots", commit), `${owner}/${name}`)));
      if (models.length >= MAX_MODELS) return models;
    }
  }
  return models;
}

async function snapshotModels(repository: string, snapshot: string, name: string): Promise<LocalModel[]> {
  const folder = join(repository, snapshot);
  const files = await names(folder);
  const models: LocalModel[] = [];
  for (const file of files.filter(isModelName)) {
    const path = join(folder, file);
    const bytes = (await staysInside(repository, path)) ? await ggufBytes(path) : undefined;
    if (bytes !== undefined) models.push({ name: `${name}/${file}`, path, bytes, source: "hub-cache" });
  }
  const bytes = await safetensorsBytes(repository, folder, files);
  if (bytes > 0) models.push({ name, path: folder, bytes, source: "hub-cache" });
  return models;
}

/** Bytes of a snapshot's weights; 0 when it is no complete checkpoint. */
async function safetensorsBytes(repository: string, folder: string, files: readonly string[]): Promise<number> {
  if (!files.includes("config.json") || !files.includes("tokenizer.json")) return 0;
  let bytes = 0;
  for (const file of files.filter((name) => name.endsWith(".safetensors"))) {
    const path = join(folder, file);
    if (!(await staysInside(repository, path))) return 0;
    bytes += (await stat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

async function staysInside(folder: string, path: string): Promise<boolean> {
  try {
    const way = relative(await realpath(folder), await realpath(path));
    return way !== "" && way.split(sep)[0] !== ".." && !way.startsWith(sep);
  } catch {
    return false;
  }
}

/** Bytes of a GGUF file; undefined when it is no regular file or does not begin like one. */
async function ggufBytes(path: string): Promise<number | undefined> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return undefined;
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      return bytesRead === 4 && buffer.toString("latin1") === "GGUF" ? stats.size : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
