/** The process in which a GPU is tried: a driver that crashes or hangs takes nothing else down. Started by `test-device.ts`. */
import { selfTest, type SelfTestResult } from "./device-self-test.ts";

/** What the process is asked. */
export interface DeviceTestRequest {
  /** Of the converted model. */
  folder: string;
  threads: number;
  isTimed: boolean;
}

process.on("message", (request: DeviceTestRequest) => {
  const { folder, threads, isTimed } = request;
  const onPassed = (result: SelfTestResult) => void process.send?.(result);
  void selfTest(folder, { threads, isTimed, onPassed })
    .catch((error: unknown) => ({ reason: "failed", detail: error instanceof Error ? error.message : String(error) }))
    // A driver may crash at the process's end: what it is worth knowing for is over then.
    .then((result) => process.send?.({ ...result, isLast: true }, () => process.exit(0)));
});
