import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CATALOG, chooseModel } from "../../engine/models/catalog.ts";
import { listModels } from "../../engine/models/list-models.ts";
import type { ModelInfo } from "../../engine/protocol/requests.ts";
import { gguf, tinyLlama, writeGguf } from "./gguf-writer.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "list-"));
});
afterEach(() => rm(root, { recursive: true }));

it("suggests for download what fits the machine's memory, with size, licence and the memory that it needs", async () => {
  const request = { dataDir: join(root, "data"), home: root, env: { OLLAMA_MODELS: root }, memoryBytes: 8e9 };
  const [suggested, ...others] = (await listModels(request)).filter((model) => model.suggested);
  expect(others).toEqual([]);
  expect(suggested).toMatchObject({ name: chooseModel(8e9).name, license: "apache-2.0", state: "downloadable" });
  expect(suggested?.bytes).toBeGreaterThan(1e6);
  expect(suggested?.minMemoryBytes).toBeLessThanOrEqual(8e9);
});

it("lists every model once: in use, on disk where it can be run, for download", async () => {
  const request = { dataDir: join(root, "data"), home: root, env: { OLLAMA_MODELS: root }, memoryBytes: 8e9 };
  expect((await listModels(request)).map(({ state }) => state)).toEqual(CATALOG.map(() => "downloadable"));

  const model = chooseModel(8e9);
  const path = join(root, "data", "models", model.file);
  const other = join(root, ".lmstudio", "models", "a", "b");
  await mkdir(join(path, ".."), { recursive: true });
  await mkdir(other, { recursive: true });
  await writeFile(path, "GGUF");
  const runnable = writeGguf(tinyLlama());
  await writeFile(join(other, "c.gguf"), runnable);
  const unknown = tinyLlama();
  unknown.metadata[0] = ["general.architecture", gguf.string("bert")];
  await writeFile(join(other, "embedder.gguf"), writeGguf(unknown));
  await writeFile(join(other, "damaged.gguf"), runnable.subarray(0, 200));
  const onDisk = await listModels(request);
  expect(onDisk).toHaveLength(CATALOG.length + 1);
  expect(onDisk[0]).toEqual({
    name: model.name,
    path,
    bytes: 4,
    license: model.license,
    parameters: model.parameters,
    state: "on-disk",
  });
  expect(onDisk[1]).toEqual({
    name: "a/b/c.gguf",
    path: join(other, "c.gguf"),
    architecture: "llama",
    contextTokens: 64,
    bytes: runnable.length,
    license: "unknown",
    source: "lm-studio",
    state: "on-disk",
  });

  expect(onDisk.filter(({ suggested }) => suggested)).toEqual([]);

  const inUse: ModelInfo = { name: "open", path, bytes: 4, license: "apache-2.0", state: "in-use" };
  const listed = await listModels({ ...request, inUse });
  expect(listed).toHaveLength(CATALOG.length + 1);
  expect(listed.map(({ state }) => state).slice(0, 3)).toEqual(["in-use", "on-disk", "downloadable"]);
});
