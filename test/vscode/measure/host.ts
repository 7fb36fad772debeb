/** Runs inside VS Code's extension host and writes figures as JSON: its heap, and how edits reach answers. */
import { writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as vscode from "vscode";
import type { Host } from "../../../extension/host.ts";
import { measureEdits } from "./edits.ts";

/** Which figures are wanted ("heap", "edits"), and the file for them. */
const WANTED = process.env["REPO_MEMORY_MEASURE"];
const OUTPUT = process.env["REPO_MEMORY_MEASURE_OUTPUT"] ?? "";

/** Called by VS Code. Where the extension is not installed, the heap is that of the host alone. */
export async function run(): Promise<void> {
  const extension = vscode.extensions.getExtension<Host>("repo-memory.repo-memory");
  const host = await extension?.activate();
  if (host) await untilRead(host);
  const figures = WANTED === "edits" && host ? await measureEdits(host) : heap(host);
  writeFileSync(OUTPUT, JSON.stringify(figures));
}

function untilRead(host: Host): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      const { state, files } = host.memory.value;
      if (host.engine.state.value.kind !== "ready" || state !== "ready" || files === 0) return;
      subscription.dispose();
      resolve();
    };
    const subscription = host.memory.onChange(look);
    look();
  });
}

/** Bytes in use after a collection, and tokens in memory. */
function heap(host: Host | undefined): { heapBytes: number; tokens: number } {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let round = 0; round < 3; round++) collect();
  return { heapBytes: process.memoryUsage().heapUsed, tokens: host?.memory.value.tokens ?? 0 };
}
