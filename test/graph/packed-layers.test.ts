import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConstants } from "../../engine/graph/onnx-reader.ts";
import { OnnxGraph } from "../../engine/graph/onnx-writer.ts";
import { readPackedModel } from "../../engine/graph/packed-layers.ts";
import { Conversion } from "../../engine/inference/conversion.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import { goldenPath } from "../models/golden-checkpoints.ts";
import { temporaryFolder } from "../support/folder.ts";

describe("constants of a written graph", () => {
  const graph = new OnnxGraph();
  graph.constant("inline", "float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
  graph.constant("outside", "int8", [7, 300], { location: "weights.bin", offset: 40_960, length: 2100 });
  graph.integers(-1, 2 ** 40);
  graph.node("Identity", ["inline"], { axis: -1, epsilon: { float: 1e-5 } }, "same");
  graph.output("same", "float32", ["T", 3]);
  const bytes = graph.serialize();

  test("are read back with their sizes, and with their bytes or the place of these", () => {
    const constants = readConstants(bytes);
    const inline = Uint8Array.from(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    expect(constants.get("inline")).toEqual({ type: 1, dimensions: [2, 3], data: inline });
    const place = { location: "weights.bin", offset: 40_960, length: 2100 };
    expect(constants.get("outside")).toEqual({ type: 3, dimensions: [7, 300], data: place });
    expect(constants.size).toBe(3);
  });

  test("of a graph that is cut short give a typed error or fewer constants, never anything else", () => {
    for (let length = 0; length < bytes.length; length++) {
      try {
        expect(readConstants(bytes.subarray(0, length)).size).toBeLessThanOrEqual(3);
      } catch (error) {
        expect(error).toBeInstanceOf(RepoMemoryError);
      }
    }
  });
});

test.each(["llama", "qwen2", "qwen3"])("a converted %s's decode graph gives its packed products back", async (name) => {
  const source = await openModel(goldenPath(name));
  const folder = temporaryFolder();
  const context = { signal: new AbortController().signal, onProgress: () => undefined };
  await new Conversion(source, folder, 1, context).run(await source.hash());
  for (const file of ["decode.onnx", "prefill.onnx"]) {
    const { model, positions } = readPackedModel(await readFile(join(folder, file)), source.config);
    expect(positions).toBe(Math.min(source.config.contextTokens, 16_384));
    expect(model.layers).toHaveLength(source.config.layers);
    for (const layer of model.layers) {
      const { hidden, heads, kvHeads, headDim, intermediate } = source.config;
      expect(layer.qkv).toMatchObject({ columns: hidden, rows: (heads + 2 * kvHeads) * headDim });
      expect(layer.output).toMatchObject({ columns: heads * headDim, rows: hidden });
      expect(layer.gateUp).toMatchObject({ columns: hidden, rows: 2 * intermediate });
      expect(layer.down).toMatchObject({ columns: intermediate, rows: hidden });
    }
    expect(model.finalNorm).toEqual(await source.read("final_norm"));
  }
  await source.close();
});

test("a graph without a decoder's constants is refused", async () => {
  const source = await openModel(goldenPath("llama"));
  expect(() => readPackedModel(new OnnxGraph().serialize(), source.config)).toThrow(RepoMemoryError);
  await source.close();
});
