/** Has a GPU tried in a process of its own, within a time limit. */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import type { DeviceReason } from "../protocol/device.ts";
import type { DeviceTestRequest } from "./device-test.ts";

const resultSchema = v.object({
  reason: v.picklist(["passed", "wrong", "slow", "failed", "small"]),
  detail: v.string(),
  slots: v.exactOptional(v.number()),
  /** Whether the process still asks the device for more room, which may be its end. */
  isLast: v.exactOptional(v.boolean(), false),
});

/** How a test ended. */
export interface DeviceTestOutcome {
  reason: Extract<DeviceReason, "passed" | "wrong" | "slow" | "failed" | "small" | "crashed" | "late">;
  detail: string;
  /** Slots of windows that the device has room for. */
  slots?: number;
}

/** Runs the test. An abort kills it, and throws. @param program another program than the engine's own, in tests */
export async function testDevice(
  request: DeviceTestRequest,
  limitMs: number,
  signal: AbortSignal,
  program: URL = testProgram(),
): Promise<DeviceTestOutcome> {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(program), { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  const { promise, resolve, reject } = Promise.withResolvers<DeviceTestOutcome>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let known: DeviceTestOutcome | undefined;
  const late: DeviceTestOutcome = { reason: "late", detail: `no result in ${limitMs / 1000} s` };
  const timer = setTimeout(() => resolve(known ?? late), limitMs);
  child.on("message", (message) => {
    const { isLast, ...outcome } = outcomeOf(message);
    known = outcome;
    if (isLast) resolve(outcome);
  });
  child.once("error", ({ message }) => resolve({ reason: "crashed", detail: message }));
  child.once("exit", (code, killedBy) => {
    const end = () => resolve(known ?? { reason: "crashed", detail: killedBy ?? `exit code ${code}` });
    // What it said before it ended may still be on its way.
    if (child.connected) child.once("disconnect", end);
    else end();
  });
  child.send(request);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    child.kill("SIGKILL");
  }
}

function outcomeOf(message: unknown): DeviceTestOutcome & { isLast: boolean } {
  const parsed = v.safeParse(resultSchema, message);
  if (parsed.success) return parsed.output;
  return { reason: "crashed", detail: "a result that cannot be read", isLast: true };
}

/** The build makes a file of its own of the program, in `dist/`: beside this module's bundle or above its chunk. */
function testProgram(): URL {
  const bundled = ["./device-test.js", "../device-test.js"].map((file) => new URL(file, import.meta.url));
  return bundled.find((file) => existsSync(file)) ?? new URL("./device-test.ts", import.meta.url);
}
