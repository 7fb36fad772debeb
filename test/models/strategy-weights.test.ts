import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStrategyWeights, readStrategyWeights } from "../../engine/models/strategy-weights.ts";
import { temporaryFolder } from "../support/folder.ts";

interface Entry {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

const float = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const matrix = { dtype: "I8", shape: [2, 3], bytes: new Uint8Array(Int8Array.of(1, -2, 3, 127, 0, -127).buffer) };
const scale = { dtype: "F32", shape: [2], bytes: float(0.5, 0.25) };

function write(tensors: Record<string, Entry>, metadata: Record<string, string> = {}): string {
  const header: Record<string, unknown> = {
    __metadata__: { format: "repo-memory infini 1", model: "abc", config: '{"layers":[3]}', ...metadata },
  };
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, (at += bytes.length)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(temporaryFolder(), "weights.safetensors");
  writeFileSync(path, Buffer.concat([length, json, ...Object.values(tensors).map(({ bytes }) => bytes)]));
  return path;
}

test("rows of int8 are multiplied with their scales; short vectors stay as they are", async () => {
  const gate = { dtype: "F32", shape: [2], bytes: float(-1.5, 2) };
  const read = await readStrategyWeights(write({ "a.down": matrix, "a.down.scales": scale, gate }), "infini");
  expect(read).toMatchObject({ model: "abc", config: { layers: [3] } });
  expect([...read.tensors.keys()]).toEqual(["a.down", "gate"]);
  expect(read.tensors.get("a.down")).toEqual({
    shape: [2, 3],
    values: Float32Array.of(0.5, -1, 1.5, 31.75, 0, -31.75),
  });
  expect(read.tensors.get("gate")?.values).toEqual(Float32Array.of(-1.5, 2));
});

test.each<[string, Record<string, Entry>, Record<string, string>]>([
  ["int8 without its scales", { a: matrix }, {}],
  ["another number of scales", { a: matrix, "a.scales": { ...scale, shape: [1], bytes: float(1) } }, {}],
  ["a number that is not finite", { gate: { dtype: "F32", shape: [1], bytes: float(Number.NaN) } }, {}],
  ["another strategy's weights", {}, { format: "repo-memory longmem 1" }],
  ["a configuration that is no object", {}, { config: "3" }],
])("%s is refused", async (_, tensors, metadata) => {
  await expect(readStrategyWeights(write(tensors, metadata), "infini")).rejects.toMatchObject({
    code: "model-invalid",
  });
});

test("a model that the strategy was not trained for is told what to do", async () => {
  const opening = openStrategyWeights("infini", "0".repeat(64));
  await expect(opening).rejects.toMatchObject({ code: "model-unsupported", remedy: expect.stringContaining("infllm") });
});
