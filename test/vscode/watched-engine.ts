/** The real engine with every connection noted, in both of its threads. Started by `REPO_MEMORY_TEST_ENGINE`. */
import { runEngineProcess } from "../../engine/child-process.ts";
import { defaultDataDir } from "../../engine/data-dir.ts";
import { watchedFile } from "./network-hook.ts";

if (watchedFile === undefined) throw new Error("REPO_MEMORY_TEST_NETWORK names no file.");

runEngineProcess({
  file: import.meta.url,
  open: async (options) => (await import("../../engine/engine.ts")).Engine.open(options, (line) => console.log(line)),
  defaultDataDir: defaultDataDir(),
});
