/**
 * The model on a GPU through WebGPU, beside the same on the CPU: reading, writing behind 2,048 tokens of memory, looking up in a
 * million tokens, and what of it passes between the two. Where there is no GPU, one in software (SwiftShader, out of npm) is measured:
 * its figures say that all of it runs, and what is moved; its times say nothing about any GPU.
 */
import * as v from "valibot";
import { findGpus } from "../../engine/runtime/gpus.ts";
import { HAS_SWIFTSHADER, swiftShaderEnvironment } from "../support/swiftshader.ts";
import type { BenchOptions } from "./benchmark.ts";
import { runChild } from "./measure-child.ts";
import { openBenchModel } from "./open-bench-model.ts";

const speeds = { prefill: v.number(), decode: v.number(), lookupMs: v.number() };

const resultSchema = v.object({
  /** Tokens a second, and milliseconds of one look-up. */
  ...speeds,
  /** Tokens in the index that was looked up in. */
  lookupTokens: v.number(),
  /** Between host and device for each token that is written, the memory unchanged. */
  bytesPerToken: v.number(),
  /** Weights, windows and the look-up's codes. */
  deviceBytes: v.number(),
  /** The engine's own way on the CPU; the look-up's in as many tokens. */
  cpu: v.object(speeds),
});

/** After the first tenth of the questions, and at the end. */
const twice = v.tuple([v.number(), v.number()]);

const questionsSchema = v.object({
  questions: v.number(),
  /** Graphs, and tensors that stay on the device, counted where they are made and given back. */
  deviceSessions: twice,
  deviceTensors: twice,
  /** Of the tensors. */
  deviceBytes: twice,
  /** Of the process, which in software is also the device's. */
  rssBytes: twice,
});

interface GpuResult extends v.InferOutput<typeof resultSchema> {
  device: string;
  isSoftware: boolean;
  model: string;
  /** Of a tiny model, each question in a window of its own: does anything grow? */
  questions: v.InferOutput<typeof questionsSchema>;
}

/** See the module. @throws Error where there is neither a GPU nor one in software */
export async function run(options: BenchOptions): Promise<GpuResult> {
  const { hardware } = await findGpus();
  const isSoftware = hardware.length === 0;
  if (isSoftware && !HAS_SWIFTSHADER) throw new Error("This machine has no GPU, and there is no SwiftShader for it.");
  const model = await openBenchModel(options);
  const { folder, config } = model;
  await model.close();
  const measured = runOnGpu(
    "measure-gpu-child.ts",
    [folder, `${options.threads}`, `${isSoftware}`],
    isSoftware,
    resultSchema,
  );
  const questions = runOnGpu("measure-gpu-questions.ts", [], isSoftware, questionsSchema);
  return {
    device: isSoftware ? "SwiftShader (software)" : hardware.join(", "),
    isSoftware,
    model: config.name,
    ...measured,
    questions,
  };
}

/** Vulkan's loader is found by what the environment says when a process starts. */
function runOnGpu<T>(program: string, args: string[], isSoftware: boolean, result: v.GenericSchema<unknown, T>): T {
  return runChild(program, args, result, isSoftware ? swiftShaderEnvironment() : {});
}
