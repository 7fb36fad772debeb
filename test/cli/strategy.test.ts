import { expect, test } from "vitest";
import { run } from "./scripted-engine.ts";

const folder = import.meta.dirname;

test.each(["infllm", "infini", "longmem", "infllm-published"])("--strategy %s is handed on", async (strategy) => {
  const { calls } = await run(["ask", folder, "q", "--strategy", strategy]);
  expect(calls.find(({ name }) => name === "ask")?.params).toEqual({ folder, question: "q", strategy });
});

test("a chat keeps to its strategy", async () => {
  const { calls } = await run(["chat", folder, "--strategy", "infini"], { stdin: "one\ntwo\n" });
  const asked = calls.filter(({ name }) => name === "ask").map(({ params }) => params);
  expect(asked).toMatchObject([{ strategy: "infini" }, { strategy: "infini" }]);
});

test("another strategy is refused before a model is loaded", async () => {
  const { code, stderr, calls } = await run(["ask", folder, "q", "--strategy", "blocks"]);
  expect(code).toBe(2);
  expect(stderr).toContain("infllm-published");
  expect(calls).toEqual([]);
});
