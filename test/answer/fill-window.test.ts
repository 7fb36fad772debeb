import { expect, test, vi } from "vitest";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { MOST_BLOCKS } from "../../engine/retrieval/select-blocks.ts";
import { randomTokens } from "../support/tiny-tokens.ts";
import { asked, openTinyWorkspace } from "../support/tiny-workspace.ts";

const SIGNAL = new AbortController().signal;
/** Tokens of memory that a window takes at most, headers included, where look-up decides. */
const BUDGET = 512;

function lines(count: number, word: string): string {
  return Array.from({ length: count }, (_, i) => `${word} = ${i * 7} % ${i + 2};\n`).join("");
}

/** A workspace that no window holds as a whole. */
function large(): Record<string, string> {
  const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
  return Object.fromEntries(words.map((word) => [`${word}.js`, lines(40, word)]));
}

function contents(window: AttentionWindow): unknown {
  return structuredClone(Object.fromEntries(Object.entries(window.feeds()).map(([name, { data }]) => [name, data])));
}

test("a small workspace is in the window as a whole, in file order", async () => {
  const { encoder, lookUp, filler } = await openTinyWorkspace({ "b.js": lines(8, "beta"), "a.js": lines(8, "alpha") });
  const { window, slots, chosen } = await filler.fill(asked("beta"), {}, SIGNAL);
  expect(slots.map(({ block }) => block)).toEqual(lookUp.blocks());
  expect(chosen.map(({ path }) => path)).toEqual(["a.js", "b.js"]);
  const tokens = lookUp.blocks().reduce((sum, block) => sum + block.tokens, 0);
  const headers = encoder.header("a.js").length + encoder.header("b.js").length;
  expect(window.length).toBe(encoder.prefix.length + headers + tokens);
});

test("an answer leaves nothing in the window of the next one", async () => {
  const { model, encoder, filler } = await openTinyWorkspace({ "a.js": lines(8, "alpha") });
  const prefix = contents(encoder.prefix);
  const first = await filler.fill(asked("alpha"), {}, SIGNAL);
  const before = contents(first.window);
  const [length, capacity] = [first.window.length, first.window.capacity];
  await model.prefill(first.window, randomTokens(30, 1), length);
  const { window } = await filler.fill(asked("another"), {}, SIGNAL);
  expect([window.length, window.capacity]).toEqual([length, capacity]);
  expect(contents(window)).toEqual(before);
  expect(contents(encoder.prefix)).toEqual(prefix);
});

test("a large workspace gives its best blocks, within the budget, headers counted", async () => {
  const { encoder, lookUp, filler } = await openTinyWorkspace(large());
  const { window, slots, chosen } = await filler.fill(asked("What is gamma?"), {}, SIGNAL);
  expect(chosen[0]?.path).toBe("gamma.js");
  expect(slots.at(-1)?.block.path).toBe("gamma.js");
  expect(slots).toHaveLength(chosen.length);
  expect(chosen.length).toBeGreaterThan(1);
  expect(chosen.length).toBeLessThanOrEqual(Math.min(MOST_BLOCKS, lookUp.blocks().length - 1));
  expect(window.length - encoder.prefix.length).toBeLessThanOrEqual(BUDGET);
});

test("a GPU with little memory gets fewer blocks, pinned ones and those that a question names among them", async () => {
  const { model, encoder, filler } = await openTinyWorkspace(large());
  const room = 400;
  const slots = vi.spyOn(model, "mostSlots", "get").mockReturnValue(encoder.prefix.length + 384 + room);
  const [found, pinned] = [
    await filler.fill(asked("What is gamma?"), {}, SIGNAL),
    await filler.fill(asked("What is gamma?"), { pinned: ["theta.js"] }, SIGNAL),
  ];
  const ranges = ["theta.js", "eta.js", "zeta.js"].map((path) => ({ path, startLine: 1, endLine: 40 }));
  const named = await filler.fill(asked("What is gamma?"), { ranges }, SIGNAL);
  const all = await filler.fill(asked("What is gamma?"), { ranges, pinned: ["alpha.js"] }, SIGNAL);
  for (const { window } of [found, pinned, named, all])
    expect(window.length - encoder.prefix.length).toBeLessThanOrEqual(room);
  expect(named.chosen[0]).toMatchObject({ path: "theta.js", why: "asked" });
  expect(named.chosen.map(({ path }) => path)).toContain("gamma.js");
  expect(found.chosen[0]?.path).toBe("gamma.js");
  expect(pinned.chosen.map(({ path }) => path)).toEqual(expect.arrayContaining(["theta.js", "gamma.js"]));
  slots.mockRestore();
  const { window } = await filler.fill(asked("What is gamma?"), {}, SIGNAL);
  expect(window.length).toBeGreaterThan(found.window.length);
});

test("a file that changes is read anew into the next window", async () => {
  const { store, lookUp, filler } = await openTinyWorkspace({ "a.js": lines(8, "alpha"), "b.js": lines(8, "beta") });
  await filler.fill(asked("alpha"), {}, SIGNAL);
  store.remove(["a.js"]);
  const { slots } = await filler.fill(asked("alpha"), {}, SIGNAL);
  expect(slots.map(({ block }) => block.path)).toEqual(lookUp.blocks().map(({ path }) => path));
  expect(slots.every(({ block }) => block.path === "b.js")).toBe(true);
});

test("a workspace with nothing in it leaves the prefix alone", async () => {
  const { encoder, filler } = await openTinyWorkspace({});
  const { window, slots, chosen } = await filler.fill(asked("anything"), {}, SIGNAL);
  expect([window.length, slots, chosen]).toEqual([encoder.prefix.length, [], []]);
});

test("an aborted question fills nothing", async () => {
  const { filler } = await openTinyWorkspace({ "a.js": lines(8, "alpha") });
  await expect(filler.fill(asked("alpha"), {}, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  // What was cut off is not kept as if it were whole.
  const { slots, window } = await filler.fill(asked("alpha"), {}, SIGNAL);
  expect(slots.at(-1)?.to).toBe(window.length);
});

test("a pinned file stays whatever is asked, and one that is left out does not come", async () => {
  const { filler } = await openTinyWorkspace(large());
  const wishes = { pinned: ["theta.js"], excluded: ["gamma.js"] };
  const { chosen, slots } = await filler.fill(asked("What is gamma?"), wishes, SIGNAL);
  const pinned = chosen.filter(({ why }) => why === "pinned");
  expect(pinned.length).toBeGreaterThan(0);
  expect(pinned.every(({ path }) => path === "theta.js")).toBe(true);
  expect(chosen.slice(0, pinned.length)).toEqual(pinned);
  expect(chosen.length).toBeGreaterThan(pinned.length);
  expect(slots.map(({ block }) => block.path)).toContain("theta.js");
  expect(slots.map(({ block }) => block.path)).not.toContain("gamma.js");
});

test("of a small workspace, too, what is left out does not come", async () => {
  const { filler } = await openTinyWorkspace({ "a.js": lines(8, "alpha"), "b.js": lines(8, "beta") });
  const paths = async (excluded: string[]) => {
    const { slots } = await filler.fill(asked("alpha"), { excluded }, SIGNAL);
    return [...new Set(slots.map(({ block }) => block.path))];
  };
  const all = await paths([]);
  const [left = ""] = all;
  expect(await paths([left])).toEqual(all.slice(1));
  expect(await paths([])).toEqual(all);
});

test("what is read again as text is the best blocks'", async () => {
  const { filler, store } = await openTinyWorkspace(large());
  const { chosen, excerpts = [] } = await filler.fill(asked("What is gamma?"), {}, SIGNAL);
  expect(excerpts).toHaveLength(2);
  for (const [i, { path, startLine, text }] of excerpts.entries()) {
    expect({ path, startLine }).toEqual({ path: chosen[i]?.path, startLine: chosen[i]?.startLine });
    const lineCount = (chosen[i]?.endLine ?? 0) - startLine + 1;
    const source = large()[path]?.split("\n") ?? [];
    expect(source.slice(startLine - 1, startLine - 1 + lineCount).join("\n")).toBe(text.trimEnd());
  }
  expect(store.totals().files).toBe(8);
});

test("a question that nothing speaks for is found to fit nothing, unless the user pinned what it is about", async () => {
  const { filler } = await openTinyWorkspace(large());
  expect((await filler.fill(asked("What is gamma?"), {}, SIGNAL)).found).toBe(true);
  expect((await filler.fill(asked("Zymurgy quux?"), {}, SIGNAL)).found).toBe(false);
  expect((await filler.fill(asked("Zymurgy quux?"), { pinned: ["gamma.js"] }, SIGNAL)).found).toBe(true);
});
