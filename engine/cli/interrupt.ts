import type { Writable } from "node:stream";

/**
 * A signal that aborts at the first Ctrl-C or SIGTERM, so that the work in hand ends cleanly; the second ends the
 * process at once, with the exit code that shells give for an interrupt.
 */
export function interruptSignal(stderr: Writable): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    stderr.write("\nStopping … (Ctrl-C again ends at once)\n");
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return controller.signal;
}
