import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findLocalModels } from "../../engine/models/local-models.ts";

const GGUF = "GGUF and more";
const HEX = "ab".repeat(32);

let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "home-"));
});
afterEach(() => rm(home, { recursive: true }));

async function put(path: string, content: string): Promise<string> {
  const full = join(home, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, content);
  return full;
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await symlink(target, join(home, path));
}

function manifest(digest: unknown, mediaType = "application/vnd.ollama.image.model"): string {
  return JSON.stringify({
    layers: [
      { mediaType: "application/vnd.ollama.image.license", digest: "x" },
      { mediaType, digest },
    ],
  });
}

const OLLAMA = ".ollama/models/manifests/registry.example";

describe("findLocalModels", () => {
  it("finds nothing where there is nothing", async () => {
    expect(await findLocalModels(home, { OLLAMA_MODELS: join(home, "none") })).toEqual([]);
  });

  it("finds Ollama's models by their manifests", async () => {
    const env = { OLLAMA_MODELS: join(home, ".ollama/models") };
    const path = await put(`.ollama/models/blobs/sha256-${HEX}`, GGUF);
    await put(`${OLLAMA}/library/qwen2.5-coder/1.5b`, manifest(`sha256:${HEX}`));
    await put(`${OLLAMA}/someone/model/latest`, manifest(`sha256:${HEX}`));
    const found = { path, bytes: GGUF.length, source: "ollama" };
    expect(await findLocalModels(home, env)).toEqual([
      { name: "qwen2.5-coder:1.5b", ...found },
      { name: "someone/model:latest", ...found },
    ]);
  });

  it("leaves out manifests that are damaged or lie", async () => {
    const env = { OLLAMA_MODELS: join(home, ".ollama/models") };
    await put("secret", GGUF);
    await put(`.ollama/models/blobs/sha256-${HEX}`, "no model");
    await put(`.ollama/models/blobs/sha256-${"cd".repeat(32)}/x`, "a folder");
    const hostile = [
      manifest("sha256:../../../secret"),
      manifest(`sha256:${HEX}/../../../secret`),
      manifest(`sha256:${HEX}`),
      manifest(`sha256:${"cd".repeat(32)}`),
      manifest(`sha256:${HEX}`, "application/vnd.ollama.image.license"),
      manifest(7),
      "{}",
      "[",
      "",
      `{"layers": [${"{},".repeat(200)}{}]}`,
      " ".repeat(1 << 19) + manifest(`sha256:${HEX}`),
    ];
    for (const [i, content] of hostile.entries()) await put(`${OLLAMA}/library/model/${i}`, content);
    await link(`${OLLAMA}/library/model/link`, join(home, "secret"));
    await link(`${OLLAMA}/loop`, join(home, ".ollama/models/manifests"));
    expect(await findLocalModels(home, env)).toEqual([]);
  });

  it("finds LM Studio's files, but no image encoders, parts or links", async () => {
    const path = await put(".lmstudio/models/publisher/repository/model-Q4_K_M.gguf", GGUF);
    await put(".lmstudio/models/publisher/repository/mmproj-f16.gguf", GGUF);
    await put(".lmstudio/models/publisher/repository/model-00002-of-00003.gguf", GGUF);
    await put(".lmstudio/models/publisher/repository/empty.gguf", "");
    await put(".lmstudio/models/publisher/repository/readme.md", GGUF);
    await link(".lmstudio/models/publisher/repository/link.gguf", path);
    expect(await findLocalModels(home, { OLLAMA_MODELS: home })).toEqual([
      { name: "publisher/repository/model-Q4_K_M.gguf", path, bytes: GGUF.length, source: "lm-studio" },
    ]);
  });

  it("finds the hub cache's snapshots, files and checkpoints", async () => {
    const cache = "hub/models--owner--name";
    await put(`${cache}/blobs/one`, GGUF);
    await put(`${cache}/blobs/two`, "weights");
    for (const name of ["config.json", "tokenizer.json"]) await put(`${cache}/snapshots/abc/${name}`, "{}");
    await link(`${cache}/snapshots/abc/model.gguf`, "../../blobs/one");
    await link(`${cache}/snapshots/abc/model.safetensors`, "../../blobs/two");
    const env = { OLLAMA_MODELS: home, HF_HUB_CACHE: join(home, "hub") };
    const folder = join(home, cache, "snapshots/abc");
    expect(await findLocalModels(home, env)).toEqual([
      { name: "owner/name/model.gguf", path: join(folder, "model.gguf"), bytes: GGUF.length, source: "hub-cache" },
      { name: "owner/name", path: folder, bytes: 7, source: "hub-cache" },
    ]);
  });

  it("leaves out snapshots that lead out of their repository, and incomplete ones", async () => {
    const cache = ".cache/huggingface/hub/models--owner--name";
    const outside = await put("outside.gguf", GGUF);
    await link(`${cache}/snapshots/abc/model.gguf`, outside);
    await link(`${cache}/snapshots/abc/loop.gguf`, "loop.gguf");
    await put(`${cache}/snapshots/def/model.safetensors`, "weights without configuration");
    await put(".cache/huggingface/hub/datasets--a--b/snapshots/abc/model.gguf", GGUF);
    expect(await findLocalModels(home, { OLLAMA_MODELS: home })).toEqual([]);
  });
});
