/** Has a GPU tried in a process of its own, within a time limit. */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";
import type { DeviceReason } from "../protocol/device.ts";
import type { DeviceTestRequest } from "./device-test.ts";

const resultSchema = v.object({ reason: v.picklist(["passed", "wrong", "slow", "failed"]), detail: v.string() });

/** How a test ended. */
export interface DeviceTestOutcome {
  reason: Extract<DeviceReason, "passed" | "wrong" | "slow" | "failed" | "crashed" | "late">;
  detail: string;
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
  const timer = setTimeout(() => resolve({ reason: "late", detail: `no result in ${limitMs / 1000} s` }), limitMs);
  child.once("message", (message) => resolve(outcomeOf(message)));
  child.once("error", ({ message }) => resolve({ reason: "crashed", detail: message }));
  child.once("exit", (code, killedBy) => resolve({ reason: "crashed", detail: killedBy ?? `exit code ${code}` }));
  child.send(request);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    child.kill("SIGKILL");
  }
}

function outcomeOf(message: unknown): DeviceTestOutcome {
  const parsed = v.safeParse(resultSchema, message);
  return parsed.success ? parsed.output : { reason: "crashed", detail: "a result that cannot be read" };
}

/** The build makes a file of its own of the program, in `dist/`: beside this module's bundle or above its chunk. */
function testProgram(): URL {
  const bundled = ["./device-test.js", "../device-test.js"].map((file) => new URL(file, import.meta.url));
  return bundled.find((file) => existsSync(file)) ?? new URL("./device-test.ts", import.meta.url);
}
