import { expect, test } from "vitest";
import { pastNames } from "../../engine/graph/attention.ts";
import type { RopeTable } from "../../engine/graph/rope.ts";
import { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const SHAPE = { layers: 2, kvHeads: 3, headDim: 4 };
const WIDTH = SHAPE.kvHeads * SHAPE.headDim;
const LAYERS = [0, 1];
const POSITIONS = 400;

function table(): RopeTable {
  const half = SHAPE.headDim / 2;
  const angles = Array.from({ length: POSITIONS * half }, (_, i) => Math.floor(i / half) / 10 ** (i % half));
  return { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin), half };
}

/** Rows of keys and values, un-rotated, as a graph puts them out. */
function rows(count: number, random: () => number) {
  const layer = () => Float32Array.from({ length: count * WIDTH }, () => random() - 0.5);
  return { keys: [layer(), layer()], values: [layer(), layer()] };
}

interface Slot {
  keys: number[][];
  values: number[][];
}

/** One slot as it must be, worked out number by number: [layers][kvHeads * headDim]. */
function expectedSlot(kv: ReturnType<typeof rows>, row: number, position: number, rope: RopeTable): Slot {
  const half = SHAPE.headDim / 2;
  const rotate = (source: Float32Array) =>
    Array.from({ length: WIDTH }, (_, i) => {
      const inHead = i % SHAPE.headDim;
      const pair = inHead % half;
      const x = source[row * WIDTH + i - inHead + pair] ?? 0;
      const y = source[row * WIDTH + i - inHead + half + pair] ?? 0;
      const [c, s] = [rope.cos[position * half + pair] ?? 0, rope.sin[position * half + pair] ?? 0];
      return Math.fround(inHead < half ? x * c - y * s : y * c + x * s);
    });
  return {
    keys: kv.keys.map(rotate),
    values: kv.values.map((source) => Array.from(source.subarray(row * WIDTH, (row + 1) * WIDTH))),
  };
}

/** Reads a window's buffers back, slot by slot. */
function contents(window: AttentionWindow): Slot[] {
  const feeds = window.feeds();
  const read = (name: string, slot: number) => {
    const data = feeds[name]?.data;
    if (!(data instanceof Float32Array)) throw new TypeError(name);
    return Array.from({ length: WIDTH }, (_, i) => {
      const head = Math.floor(i / SHAPE.headDim);
      return data[(head * window.capacity + slot) * SHAPE.headDim + (i % SHAPE.headDim)] ?? NaN;
    });
  };
  return Array.from({ length: window.length }, (_, slot) => ({
    keys: LAYERS.map((layer) => read(pastNames(layer).keys, slot)),
    values: LAYERS.map((layer) => read(pastNames(layer).values, slot)),
  }));
}

test("any sequence of appends, cuts and copies leaves what a list of slots would hold", () => {
  const rope = table();
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    let window = new AttentionWindow(SHAPE, rope, randomInteger(random, 4));
    let expected: Slot[] = [];
    for (let step = 0; step < 12; step++) {
      const action = randomInteger(random, 4);
      if (action === 0) {
        const length = randomInteger(random, expected.length + 1);
        window.truncate(length);
        expected = expected.slice(0, length);
      } else if (action === 1) window = window.copy(expected.length + randomInteger(random, 5));
      else {
        const count = 1 + randomInteger(random, 4);
        const kv = rows(count + 1, random);
        const position = randomInteger(random, POSITIONS - 10);
        window.append(kv, 1, count + 1, position);
        for (let row = 0; row < count; row++) expected.push(expectedSlot(kv, row + 1, position + row, rope));
      }
      expect(contents(window)).toEqual(expected);
    }
  }
});

test("a copy does not share its slots", () => {
  const random = seededRandom(3);
  const rope = table();
  const window = new AttentionWindow(SHAPE, rope, 2);
  window.append(rows(2, random), 0, 2, 0);
  const before = contents(window);
  const copy = window.copy(0);
  copy.truncate(0);
  copy.append(rows(2, random), 0, 2, 5);
  expect(contents(window)).toEqual(before);
});

test("slots replaced in place, with a rest that is closed, are as if the window had been built so", () => {
  const rope = table();
  for (let seed = 1; seed <= 20; seed++) {
    const random = seededRandom(seed);
    const length = 4 + randomInteger(random, 20);
    const [old, fresh] = [rows(length, random), rows(length, random)];
    const slot = randomInteger(random, length - 2);
    const count = 1 + randomInteger(random, length - slot - 1);
    const rest = randomInteger(random, length - slot - count + 1);
    const window = new AttentionWindow(SHAPE, rope, length + 3);
    window.append(old, 0, length, 0);
    window.close(slot, slot + count + rest);
    window.replace(slot, fresh, 1, 1 + count, slot);
    const built = new AttentionWindow(SHAPE, rope, 0);
    built.append(old, 0, slot, 0);
    built.append(fresh, 1, 1 + count, slot);
    const end = slot + count + rest;
    if (length > end) built.append(old, end, length, end);
    const all = contents(window);
    expect(window.open().flatMap(({ from, to }) => all.slice(from, to))).toEqual(contents(built));
  }
});

test("closed slots stay closed in a copy, are forgotten by a cut, and only slots in use can be closed or replaced", () => {
  const random = seededRandom(4);
  const window = new AttentionWindow(SHAPE, table(), 12);
  window.append(rows(10, random), 0, 10, 0);
  window.close(2, 4);
  window.close(3, 6);
  window.close(8, 8);
  expect(window.open()).toEqual([
    { from: 0, to: 2 },
    { from: 6, to: 10 },
  ]);
  const copy = window.copy(20);
  copy.replace(3, rows(1, random), 0, 1, 3);
  expect(copy.open()).toEqual([
    { from: 0, to: 2 },
    { from: 3, to: 4 },
    { from: 6, to: 10 },
  ]);
  window.truncate(3);
  window.append(rows(2, random), 0, 2, 3);
  expect(window.open()).toEqual([
    { from: 0, to: 2 },
    { from: 3, to: 5 },
  ]);
  expect(() => window.close(4, 6)).toThrow(RangeError);
  expect(() => window.replace(4, rows(2, random), 0, 2, 4)).toThrow(RangeError);
});
