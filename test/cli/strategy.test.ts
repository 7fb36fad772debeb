import { expect, test } from "vitest";
import { run } from "./scripted-engine.ts";

const folder = import.meta.dirname;

test.each(["blocks", "infllm-published"])("--strategy %s is handed on", async (strategy) => {
  const { calls } = await run(["ask", folder, "q", "--strategy", strategy]);
  expect(calls.find(({ name }) => name === "ask")?.params).toEqual({ folder, question: "q", strategy });
});

test("another strategy is refused before a model is loaded", async () => {
  const { code, stderr, calls } = await run(["ask", folder, "q", "--strategy", "infini"]);
  expect(code).toBe(2);
  expect(stderr).toContain("infllm-published");
  expect(calls).toEqual([]);
});
