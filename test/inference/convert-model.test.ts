import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { convertModel } from "../../engine/inference/convert-model.ts";
import { type ConvertedModel, readConverted } from "../../engine/inference/converted-model.ts";
import { LanguageModel } from "../../engine/inference/language-model.ts";
import { klDivergence } from "../../engine/inference/logits.ts";
import { guessedHeads } from "../../engine/inference/observed-layers.ts";
import type { ModelSource } from "../../engine/models/model-source.ts";
import { openModel } from "../../engine/models/open-model.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { goldenCheckpoints, goldenPath } from "../models/golden-checkpoints.ts";
import { decodeLogits, hiddenStates } from "../support/all-logits.ts";
import { temporaryFolder } from "../support/folder.ts";

async function source(name = "llama"): Promise<ModelSource> {
  const opened = await openModel(goldenPath(name));
  onTestFinished(() => opened.close());
  return opened;
}

async function convert(
  from: ModelSource,
  modelsDir: string,
  signal = new AbortController().signal,
  onProgress: (progress: Progress) => void = () => undefined,
): Promise<ConvertedModel> {
  return convertModel(from, modelsDir, 1, { signal, onProgress });
}

async function open(converted: ConvertedModel): Promise<LanguageModel> {
  const model = await LanguageModel.open(converted, 1);
  onTestFinished(() => model.close());
  return model;
}

describe.each(goldenCheckpoints())("$architecture", ({ paths, tokens, logits, architecture }) => {
  test.each(paths)("%s answers in packed form nearly as in full precision, on both ways", async (path) => {
    const model = await open(await convert(await source(path), temporaryFolder()));
    expect(model.config.architecture).toBe(architecture);
    const { vocabulary } = model.config;
    const read = await model.logits(await hiddenStates(model, Int32Array.from(tokens)));
    expect(klDivergence(logits, read, vocabulary)).toBeLessThan(0.01);
    expect(klDivergence(logits, await decodeLogits(model, tokens), vocabulary)).toBeLessThan(0.01);
  });
});

test("what was converted is found again, without a look at the weights", async () => {
  const modelsDir = temporaryFolder();
  const from = await source();
  const first = await convert(from, modelsDir);
  const unread: ModelSource = new Proxy(from, {
    get: (target, name) => {
      if (name === "read" || name === "readAffine") throw new Error("the weights were read");
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  expect(await convert(unread, modelsDir)).toEqual(first);
});

test("the configuration comes back as it was, rope factors and scaling included", async () => {
  for (const name of ["llama", "llama.gguf", "qwen3"]) {
    const from = await source(name);
    const { config } = await convert(from, temporaryFolder());
    expect(config).toEqual(from.config);
  }
});

test("two conversions at once end in one whole model and leave nothing else", async () => {
  const modelsDir = temporaryFolder();
  const from = await source();
  const [one, other] = await Promise.all([convert(from, modelsDir), convert(from, modelsDir)]);
  expect(one).toEqual(other);
  expect(readdirSync(modelsDir)).toHaveLength(1);
  await open(one);
});

test("an abort leaves nothing that is found, and the next conversion is whole", async () => {
  const modelsDir = temporaryFolder();
  const from = await source();
  const abort = new AbortController();
  const stopped = convert(from, modelsDir, abort.signal, ({ done }) => {
    if (done === 1) abort.abort();
  });
  await expect(stopped).rejects.toMatchObject({ name: "AbortError" });
  expect(readdirSync(modelsDir)).toEqual([]);
  await open(await convert(from, modelsDir));
});

test("a model of random weights has no head that looks up; its best guess is kept, and those layers can be observed", async () => {
  const from = await source("qwen3");
  const converted = await convert(from, temporaryFolder());
  expect(converted.manifest.heads).toEqual(guessedHeads(from.config));
  const model = await open(converted);
  expect(model.attentionHeads.lookup).toBeUndefined();
  expect(model.observed).toEqual([1, 2]);
  const window = model.window(8);
  const { queries } = await model.run(window, Int32Array.of(5, 6), Int32Array.of(0, 1), { queries: true });
  expect([...queries.keys()]).toEqual([1, 2]);
  expect([...(await model.decode(window, 7, 0, { attention: true })).attention.keys()]).toEqual([1, 2]);
});

describe("a folder that is not whole is made again", () => {
  // Every state that a kill between two writes, a full disk or a curious user may leave under the final name.
  test.each([
    ["without a manifest", (folder: string) => rmSync(join(folder, "manifest.json"))],
    ["with half a manifest", (folder: string) => writeFileSync(join(folder, "manifest.json"), '{"version":')],
    [
      "with another version's manifest",
      (folder: string) => writeFileSync(join(folder, "manifest.json"), '{"version":0}'),
    ],
    [
      "with a head that the model does not have",
      (folder: string) => {
        const path = join(folder, "manifest.json");
        writeFileSync(
          path,
          readFileSync(path, "utf8").replace(/"heads": \{/, '"heads": {"lookup": {"layer": 2, "head": 0},'),
        );
      },
    ],
    ["with a tokenizer that is no object", (folder: string) => writeFileSync(join(folder, "tokenizer.json"), "[]")],
    ["with weights that were cut short", (folder: string) => truncateSync(join(folder, "decode.bin"), 1000)],
    ["without a graph", (folder: string) => rmSync(join(folder, "head.onnx"))],
    ["empty", (folder: string) => (rmSync(folder, { recursive: true }), mkdirSync(folder))],
  ])("%s", async (_, damage) => {
    const modelsDir = temporaryFolder();
    const from = await source();
    const { folder } = await convert(from, modelsDir);
    damage(folder);
    expect(await readConverted(folder)).toBeUndefined();
    await open(await convert(from, modelsDir));
    expect(readdirSync(modelsDir)).toHaveLength(1);
  });
});

test("what killed conversions left behind goes; what is in work stays", async () => {
  const modelsDir = temporaryFolder();
  const ended = spawnSync(process.execPath, ["-e", "process.stdout.write(String(process.pid))"], { encoding: "utf8" });
  const folders = {
    killed: `a-v1.${ended.stdout}-01234567.tmp`,
    justNow: `a-v1.${ended.stdout}-89abcdef.tmp`,
    atWork: `a-v1.${process.pid}-01234567.tmp`,
    ofOldVersion: "a-v1.01234567.tmp",
  };
  const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
  for (const [kind, name] of Object.entries(folders)) {
    mkdirSync(join(modelsDir, name));
    writeFileSync(join(modelsDir, name, "decode.bin"), "x");
    if (kind === "justNow") continue; // maybe of a process on another machine
    for (const path of [join(modelsDir, name, "decode.bin"), join(modelsDir, name)]) utimesSync(path, longAgo, longAgo);
  }
  await convert(await source(), modelsDir);
  const left = readdirSync(modelsDir).filter((name) => name.endsWith(".tmp"));
  expect(left.toSorted()).toEqual([folders.atWork, folders.justNow].toSorted());
});

test("a full disk is told as what it is, and leaves nothing", async () => {
  const modelsDir = temporaryFolder();
  const from = await source();
  const full = new Proxy(from, {
    get: (target, name) => {
      if (name === "read") return () => Promise.reject(Object.assign(new Error("no space left"), { code: "ENOSPC" }));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await expect(convert(full, modelsDir)).rejects.toMatchObject({
    code: "disk-full",
    remedy: expect.stringContaining("Free some space"),
  });
  expect(readdirSync(modelsDir)).toEqual([]);
});

test("what an earlier version made of the same weights goes, that of others stays", async () => {
  const modelsDir = temporaryFolder();
  const { folder } = await convert(await source(), modelsDir);
  const name = basename(folder);
  const older = name.replace(/-v\d+$/, "-v1");
  for (const each of [older, "0123456789abcdef-v1"]) mkdirSync(join(modelsDir, each));
  rmSync(folder, { recursive: true });
  await convert(await source(), modelsDir);
  expect(readdirSync(modelsDir).toSorted()).toEqual(["0123456789abcdef-v1", name].toSorted());
});

test("progress counts up to its total, and what helped to convert is gone", async () => {
  const seen: Progress[] = [];
  const { folder } = await convert(await source(), temporaryFolder(), undefined, (progress) => seen.push(progress));
  expect(seen.map(({ done }) => done)).toEqual(seen.map((_, i) => i + 1));
  expect(seen.at(-1)).toMatchObject({ phase: "convert", done: seen.at(-1)?.total });
  expect(existsSync(join(folder, "reference.onnx"))).toBe(false);
});
