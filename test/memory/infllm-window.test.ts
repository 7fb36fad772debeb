import { expect, test } from "vitest";
import { type InfllmSettings, largestScores, rowWindow } from "../../engine/memory/infllm-window.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const settings: InfllmSettings = {
  initTokens: 4,
  localTokens: 10,
  blockTokens: 8,
  topBlocks: 2,
  representatives: 2,
  chunkTokens: 16,
};

test("each row sees every far token, and every pending one once: near within the local window, else far", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const pending = randomInteger(random, 30);
    const from = randomInteger(random, 12);
    const to = from + 1 + randomInteger(random, 8);
    const farTokens = randomInteger(random, 20);
    const window = rowWindow(settings, pending, from, to, farTokens);
    const { nearFrom, nearTo, overflow, farColumns, bias, position } = window;
    const columns = farColumns + nearTo - nearFrom;
    expect(bias).toHaveLength((to - from) * columns);
    expect(farColumns).toBe(Math.max(1, farTokens + overflow));
    const seen: string[] = [];
    const wanted: string[] = [];
    for (let row = from; row < to; row++) {
      const own = pending + row;
      const open = (column: number) => bias[(row - from) * columns + column] === 0;
      seen.push(`${position + row - from + nearFrom}`);
      wanted.push(`${own}`);
      for (let column = 0; column < farTokens; column++) if (!open(column)) seen.push(`far column ${column} is closed`);
      for (let token = 0; token < pending + to; token++) {
        const far = token < overflow && open(farTokens + token);
        const near = token >= nearFrom && token < nearTo && open(farColumns + token - nearFrom);
        seen.push(`${token} ${far} ${near}`);
        const isLocal = own - token < settings.localTokens;
        wanted.push(`${token} ${token <= own && !isLocal} ${token <= own && isLocal}`);
      }
    }
    expect(seen).toEqual(wanted);
  }
});

test("where nothing is far, one closed column stands in", () => {
  const window = rowWindow(settings, 0, 0, 3, 0);
  expect(window.farColumns).toBe(1);
  for (let row = 0; row < 3; row++) expect(window.bias[row * 4]).toBeLessThan(-1e6);
});

test("the largest scores come best first, of equal ones the earlier, and all of them where they are few", () => {
  expect(largestScores(Float32Array.of(1, 5, 3, 5, -2), 3)).toEqual([1, 3, 2]);
  expect(largestScores(Float32Array.of(1, 5), 3)).toEqual([1, 0]);
  expect(largestScores(new Float32Array(0), 3)).toEqual([]);
});
