/** What the engine's suites are run with: a model that answers, on the CPU, and a tiny one that says nothing, on a GPU in software. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect } from "vitest";
import { Engine } from "../../engine/engine.ts";
import type { EngineOptions } from "../../engine/protocol/requests.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { shareModels } from "./engine-data.ts";
import { testModelPath } from "./model.ts";
import { checkSwiftShader, HAS_SWIFTSHADER } from "./swiftshader.ts";

/** A model and what computes it. */
export interface EngineKind {
  name: string;
  /** Whether what the model says, and attends to, has a meaning. */
  isSensible: boolean;
  windowTokens: number;
  /** Functions a file of `harbourProject`: enough for a folder that is looked up in, by the model's own count of tokens. */
  steps: number;
  /** Of an answer: so many that a sensible one says what it has to. */
  maxTokens: number;
  /** What the engine's status says once its model is loaded. */
  status: object;
  /** Lets a folder be a data folder: what is made once a model (conversion, self-test) is shared between a file's tests. */
  shareData: (folder: string) => string;
  open: (options: Partial<EngineOptions> & { dataDir: string }) => Promise<Engine>;
}

/** The model that the tests know answers of. */
const sensible: EngineKind = {
  name: "a model on the CPU",
  isSensible: true,
  windowTokens: 8192,
  steps: 24,
  maxTokens: 24,
  status: { deviceReason: "no-gpu" },
  shareData: shareModels,
  open: (options) => Engine.open({ model: testModelPath(), threads: 2, device: "auto", ...options }),
};

/** Positions for a prefix, what a window takes at most, a question and an answer. */
const TINY_POSITIONS = 1536;

function tiny(name: string, device: "cpu" | "webgpu", status: object): EngineKind {
  return {
    name,
    isSensible: false,
    windowTokens: TINY_POSITIONS,
    // Its tokens are hardly longer than a letter.
    steps: 4,
    maxTokens: 7,
    status,
    shareData: (folder) => {
      for (const part of ["models", "devices"]) symlinkSync(join(tinyFolder(), part), join(folder, part), "junction");
      return folder;
    },
    open: (options) => {
      if (device === "webgpu") checkSwiftShader();
      const model = join(tinyFolder(), "checkpoint");
      return Engine.open({ model, threads: 1, device, ...options }, (line) => {
        if (device === "webgpu" && FALLBACK.test(line)) fallbacks.push(line);
      });
    },
  };
}

const onCpu = tiny("a tiny model on the CPU", "cpu", { device: "CPU, 1 threads" });
const onWebGpu = tiny("a tiny model on WebGPU", "webgpu", { device: "software (WebGPU)", deviceReason: "chosen" });
const inSoftware = HAS_SWIFTSHADER ? [onWebGpu] : [];

/** For what needs answers that make sense, where there are such. */
export const ENGINES: readonly EngineKind[] = [sensible, ...inSoftware];

/** For what needs no sensible answer. */
export const TINY_ENGINES: readonly EngineKind[] = [onCpu, ...inSoftware];

/** What an engine logs that leaves a GPU, for good or for what that has no room for. */
const FALLBACK = /^The (model runs on the CPU|CPU computes)/;

/** What engines on WebGPU said when they left it. */
const fallbacks: string[] = [];

/** Lets each test of a suite fail in which the CPU went on for a GPU, one that was full among them. */
export function refuseFallback(): void {
  afterEach(() => expect(fallbacks.splice(0)).toEqual([]));
}

let shared: string | undefined;

/** A golden checkpoint whose context is long enough for a memory; gone with the test's process. */
function tinyFolder(): string {
  if (shared !== undefined) return shared;
  const folder = mkdtempSync(join(tmpdir(), "repo-memory-tiny-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const checkpoint = join(folder, "checkpoint");
  cpSync(goldenPath("llama"), checkpoint, { recursive: true });
  const config = join(checkpoint, "config.json");
  const text = readFileSync(config, "utf8");
  writeFileSync(config, text.replace(/("max_position_embeddings": )\d+/, `$1${TINY_POSITIONS}`));
  for (const part of ["models", "devices"]) mkdirSync(join(folder, part));
  shared = folder;
  return folder;
}
