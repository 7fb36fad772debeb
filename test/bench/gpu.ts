/**
 * The model on a GPU through WebGPU, beside the same on the CPU: reading, writing behind 2,048 tokens of memory, looking up in a
 * million tokens, and what of it passes between the two. Where there is no GPU, one in software (SwiftShader, out of npm) is measured:
 * its figures say that all of it runs, and what is moved; its times say nothing about any GPU.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import { findGpus } from "../../engine/runtime/gpus.ts";
import { HAS_SWIFTSHADER, swiftShaderEnvironment } from "../support/swiftshader.ts";
import type { BenchOptions } from "./benchmark.ts";
import { openBenchModel } from "./open-bench-model.ts";

const speeds = { prefill: v.number(), decode: v.number(), lookupMs: v.number() };

const resultSchema = v.object({
  /** Tokens a second, and milliseconds of one look-up. */
  ...speeds,
  /** Tokens in the index that was looked up in: fewer in software. */
  lookupTokens: v.number(),
  /** Between host and device for each token that is written, the memory unchanged. */
  bytesPerToken: v.number(),
  /** Weights, windows and the look-up's codes. */
  deviceBytes: v.number(),
  /** The engine's own way on the CPU; the look-up's in as many tokens. */
  cpu: v.object(speeds),
});

type GpuResult = { device: string; isSoftware: boolean; model: string } & v.InferOutput<typeof resultSchema>;

/** See the module. @throws Error where there is neither a GPU nor one in software */
export async function run(options: BenchOptions): Promise<GpuResult> {
  const { hardware } = await findGpus();
  const isSoftware = hardware.length === 0;
  if (isSoftware && !HAS_SWIFTSHADER) throw new Error("This machine has no GPU, and there is no SwiftShader for it.");
  const model = await openBenchModel(options);
  const { folder, config } = model;
  await model.close();
  // Vulkan's loader is found by what the environment says when a process starts.
  const { status, stdout } = spawnSync(
    process.execPath,
    [fileURLToPath(new URL("measure-gpu-child.ts", import.meta.url)), folder, `${options.threads}`, `${isSoftware}`],
    {
      encoding: "utf8",
      env: { ...process.env, ...(isSoftware ? swiftShaderEnvironment() : {}) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  if (status !== 0) throw new Error(`The measurement ended with code ${status}.`);
  const measured = v.parse(resultSchema, JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  return {
    device: isSoftware ? "SwiftShader (software)" : hardware.join(", "),
    isSoftware,
    model: config.name,
    ...measured,
  };
}
