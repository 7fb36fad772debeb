import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CATALOG, chooseModel } from "../../engine/models/catalog.ts";
import { listModels } from "../../engine/models/list-models.ts";
import type { ModelInfo } from "../../engine/protocol/requests.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "list-"));
});
afterEach(() => rm(root, { recursive: true }));

it("lists every model once: in use, on disk, for download", async () => {
  const request = { dataDir: join(root, "data"), home: root, env: { OLLAMA_MODELS: root } };
  expect((await listModels(request)).map(({ state }) => state)).toEqual(CATALOG.map(() => "downloadable"));

  const model = chooseModel(8e9);
  const path = join(root, "data", "models", model.file);
  const other = join(root, ".lmstudio", "models", "a", "b");
  await mkdir(join(path, ".."), { recursive: true });
  await mkdir(other, { recursive: true });
  await writeFile(path, "GGUF");
  await writeFile(join(other, "c.gguf"), "GGUF..");
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
    bytes: 6,
    license: "",
    state: "on-disk",
  });

  const inUse: ModelInfo = { name: "open", path, bytes: 4, license: "apache-2.0", state: "in-use" };
  const listed = await listModels({ ...request, inUse });
  expect(listed).toHaveLength(CATALOG.length + 1);
  expect(listed.map(({ state }) => state).slice(0, 3)).toEqual(["in-use", "on-disk", "downloadable"]);
});
