import { expect, test } from "vitest";

import { temporaryFolder } from "../support/folder.ts";
import { run } from "./scripted-engine.ts";

test("train hands on every folder, and tells what was gained", async () => {
  const folders = [temporaryFolder(), temporaryFolder()];
  const { stdout, calls, code } = await run(["train", ...folders]);
  expect(code).toBe(0);
  expect(calls[0]).toEqual({ name: "train", params: { folders } });
  expect(stdout).toContain("Learnt from 5,000 questions in 15 min");
  expect(stdout).toContain("among the first 8 for 60 %; before, for 20 %.");
  const asJson = await run(["train", folders[0] ?? "", "--json"]);
  expect(JSON.parse(asJson.stdout)).toMatchObject({ pairs: 5000, used: true });
});

test("train wants folders that are there", async () => {
  expect((await run(["train"])).code).toBe(2);
  const { code, calls, stderr } = await run(["train", `${temporaryFolder()}/missing`]);
  expect(code).toBe(1);
  expect(stderr).toContain("There is no folder");
  expect(calls).toEqual([]);
});
