#!/usr/bin/env node
/** The command line's main file: gives `runCli` this process's streams and the real engine. */
import { interruptSignal } from "./cli/interrupt.ts";
import { runCli } from "./cli/run-cli.ts";

// A reader that went away (`| head`) ends the program quietly.
process.stdout.on("error", () => process.exit(0));

process.exitCode = await runCli(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  signal: interruptSignal(process.stderr),
  // Loaded late: help and wrong usage need no engine.
  openEngine: async (options, log) => (await import("./engine.ts")).Engine.open(options, log),
});
