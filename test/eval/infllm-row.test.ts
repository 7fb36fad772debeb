import { expect, test } from "vitest";
import { LayerwiseModel } from "../../engine/inference/layerwise-model.ts";
import { PromptWriter } from "../../engine/inference/prompt.ts";
import { PUBLISHED_SETTINGS } from "../../engine/memory/infllm-window.ts";
import { temporaryFolder } from "../support/folder.ts";
import { PlainInfllm } from "../support/plain-infllm.ts";
import { openTinyWorkspace } from "../support/tiny-workspace.ts";
import { InfllmIndex, layerRecall } from "./infllm-row.ts";

/** A file with `lines` lines of its own. */
function source(name: string, lines: number): string {
  return Array.from({ length: lines }, (_, i) => `export const ${name}${i} = ${i * 7 + name.length};\n`).join("");
}

test("blocks are ranked by the dot products of mean queries and most attended keys, also by what an earlier run kept", async () => {
  const files = { "a.ts": source("alpha", 9), "b.ts": source("beta", 11), "c.ts": source("gamma", 8) };
  const { model, encoder, store } = await openTinyWorkspace(files);
  const prompt = new PromptWriter(model.tokenizer, model.tokenizerFiles);
  const [dataDir, tell] = [temporaryFolder(), () => undefined];
  const options = { loaded: { model, encoder, prompt }, store, dataDir, threads: 1, tell };
  const index = await InfllmIndex.open(options);
  const ranking = await index.rank("What is beta3?", 100);
  await index.close();
  const again = await InfllmIndex.open(options);
  expect(await again.rank("What is beta3?", 100)).toEqual(ranking);
  await again.close();
  const blocks = store.read((reader) => reader.placed());
  expect(ranking.summed).toHaveLength(blocks.length);
  expect(new Set(ranking.summed.map(({ id }) => id))).toEqual(new Set(blocks.map(({ id }) => id)));
  expect(ranking.layers).toHaveLength(model.config.layers);

  // The slow way, for one layer: each segment behind prefix and header, its blocks' representatives, the question's queries.
  const layerwise = await LayerwiseModel.open(model, 1);
  const settings = { ...PUBLISHED_SETTINGS, initTokens: 0, topBlocks: 0 };
  const scores = new Map<number, number>();
  const asked = new PlainInfllm(layerwise, settings);
  await asked.step(prompt.prefix);
  await asked.step(encoder.tokenize("What is beta3?"));
  for (const segment of store.read((reader) => reader.segmentsOf(blocks.map(({ id }) => id)))) {
    const plain = new PlainInfllm(layerwise, settings);
    await plain.step(prompt.prefix);
    const header = encoder.header(segment.path);
    const parts = segment.blocks.map(({ text }) => encoder.tokenize(text));
    await plain.step(Int32Array.from([...header, ...parts.flatMap((part) => [...part])]));
    let from = prompt.prefix.length + header.length;
    for (const [i, part] of parts.entries()) {
      const representative = plain.representative(1, from, from + part.length);
      scores.set(segment.blocks[i]?.id ?? -1, asked.lookUpScore(1, representative));
      from += part.length;
    }
  }
  await layerwise.close();
  const order = [...scores.keys()].toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
  expect(ranking.layers[1]?.map(({ id }) => id)).toEqual(order);
});

test("layers are told by their mean, and the best one with its place", () => {
  const { meanAt1, meanAt8, best } = layerRecall([
    [0, 1],
    [3, 2],
    [0, 0],
    [0, 8],
  ]);
  expect([meanAt1, meanAt8]).toEqual([0.125, 0.5]);
  expect(best).toMatchObject({ layer: 1, at1: { value: 0.25 }, at8: { value: 0.75 } });
  expect(layerRecall([])).toMatchObject({ meanAt8: 0, best: { at8: { n: 0 } } });
});
