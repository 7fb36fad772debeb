import { afterEach, expect, test, vi } from "vitest";
import { readSavedState } from "../../webview/saved-state.ts";
import type { ViewState } from "../../webview/state.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** The page's store as it is when the panel is shown, with what VS Code kept of the page before. */
async function openPage(kept: unknown) {
  vi.resetModules();
  let state = kept;
  const api = { postMessage() {}, getState: () => state, setState: (next: unknown) => (state = next) };
  vi.stubGlobal("acquireVsCodeApi", () => api);
  const { dispatch, follow } = await import("../../webview/store.ts");
  let shown: ViewState | undefined;
  follow((next) => (shown = next));
  return { dispatch, kept: () => state, mentions: () => shown?.mentions };
}

test("what a question is about is there again when the panel was hidden", async () => {
  const file = { kind: "file", path: "a.ts" } as const;
  const symbol = { kind: "symbol", name: "start", path: "b.ts", startLine: 1, endLine: 2 } as const;
  const first = await openPage(undefined);
  first.dispatch({ type: "mention", mentions: [file, symbol] });
  const second = await openPage(first.kept());
  expect(second.mentions()).toEqual([file, symbol]);
  second.dispatch({ type: "asked" });
  expect((await openPage(second.kept())).mentions()).toEqual([]);
});

test.each([
  ["nothing", undefined, { draft: "", chat: "", mentions: [] }],
  ["what an earlier version kept", { draft: "Where", chat: "c" }, { draft: "Where", chat: "c", mentions: [] }],
  [
    "mentions that are none",
    { draft: "W", mentions: [{ kind: "file", path: 5 }] },
    { draft: "W", chat: "", mentions: [] },
  ],
  [
    "too many",
    { mentions: Array.from({ length: 21 }, () => ({ kind: "problems" })) },
    { draft: "", chat: "", mentions: [] },
  ],
  ["a word", "draft", { draft: "", chat: "", mentions: [] }],
])("%s is read as far as it is right", (_, kept, read) => expect(readSavedState(kept)).toEqual(read));
