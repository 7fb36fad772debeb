import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { type LayerProjection, PROJECTED } from "../../engine/retrieval/projections.ts";
import { readProjections, writeProjections } from "../../engine/retrieval/projections-file.ts";
import { temporaryFolder } from "../support/folder.ts";
import { seededRandom } from "../support/random.ts";

const HIDDEN = 48;

function projection(layer: number): LayerProjection {
  const random = seededRandom(layer);
  const values = (count: number, least: number) => Float32Array.from({ length: count }, () => least + random());
  const side = () => ({
    mean: values(HIDDEN, -0.5),
    inverseDeviation: values(HIDDEN, 0.1),
    weight: values(HIDDEN * PROJECTED, -0.5),
  });
  return { layer, question: side(), block: side(), tokenWeight: values(HIDDEN, -0.5), steps: values(PROJECTED, 0.1) };
}

async function written(): Promise<string> {
  const path = join(temporaryFolder(), "projections.safetensors");
  const figures = { recallAt8: 0.5, pairs: 5000 };
  await writeProjections(path, { modelHash: "abc", layers: [projection(9), projection(25)], figures });
  return path;
}

test("what is written is read again, weights to half precision", async () => {
  const read = await readProjections(await written());
  expect(read.modelHash).toBe("abc");
  expect(read.figures).toEqual({ recallAt8: 0.5, pairs: 5000 });
  expect(read.layers.map(({ layer }) => layer)).toEqual([9, 25]);
  const original = projection(25);
  expect(read.layers[1]?.steps).toEqual(original.steps);
  expect(read.layers[1]?.question.mean).toEqual(original.question.mean);
  const off = original.block.weight.map((value, i) => Math.abs(value - (read.layers[1]?.block.weight[i] ?? 9)));
  expect(Math.max(...off)).toBeLessThan(2 ** -11);
});

test.each([
  ["a tensor of another shape", /"shape":\[48\]/, '"shape":[24]'],
  ["another format", /projections 1/, "projections 9"],
  ["a missing tensor", /layer\.9\.block\.mean/, "layer.9.block.meen"],
  ["figures that are no numbers", /\\"pairs\\":5000/, String.raw`\"pairs\":"a" `],
])("%s is refused", async (_, pattern, replacement) => {
  const path = await written();
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString("latin1", 8, 8 + length);
  expect(header).toMatch(pattern);
  const changed = header.replace(pattern, replacement).padEnd(length).slice(0, length);
  writeFileSync(
    path,
    Buffer.concat([bytes.subarray(0, 8), Buffer.from(changed, "latin1"), bytes.subarray(8 + length)]),
  );
  await expect(readProjections(path)).rejects.toMatchObject({ code: "model-invalid" });
});

test("numbers that are not finite are refused", async () => {
  const path = await written();
  const bytes = readFileSync(path);
  bytes.writeFloatLE(Number.NaN, bytes.length - 4);
  writeFileSync(path, bytes);
  await expect(readProjections(path)).rejects.toMatchObject({ code: "model-invalid" });
});

test("a file that is cut short is refused", async () => {
  const path = await written();
  writeFileSync(path, readFileSync(path).subarray(0, 5000));
  await expect(readProjections(path)).rejects.toMatchObject({ code: "model-invalid" });
});
