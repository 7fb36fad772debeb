/** The program of the engine's child process; started by the extension (see `extension/engine-process.ts`). */
import { runEngineProcess } from "./child-process.ts";
import { defaultDataDir } from "./data-dir.ts";

runEngineProcess({
  file: import.meta.url,
  // Loaded by the engine thread alone, and only when asked to open: the RPC thread stays small and starts at once.
  open: async (options) => (await import("./engine.ts")).Engine.open(options, (line) => console.log(line)),
  defaultDataDir: defaultDataDir(),
});
