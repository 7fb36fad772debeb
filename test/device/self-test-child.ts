/** The self-test's process as it should not be; `REPO_MEMORY_TEST_FAULT` says how. */
import { DeviceModel } from "../../engine/inference/device-model.ts";
import { selfTest } from "../../engine/inference/device-self-test.ts";
import type { DeviceTestRequest } from "../../engine/inference/device-test.ts";

process.on("message", ({ folder, threads }: DeviceTestRequest) => {
  const answer = (result: object) => process.send?.(result, () => process.exit(0));
  const faults: Record<string, () => void> = {
    killed: () => process.kill(process.pid, "SIGKILL"),
    late: () => setInterval(() => undefined, 1000),
    none: () => answer({ reason: "passed", detail: "1 ms for a short answer, 2 ms on the CPU" }),
    nonsense: () => answer({ reason: "splendid" }),
  };
  // A graph made wrong on purpose: norms divide by something else.
  const wrong = () =>
    void selfTest(folder, threads, false, ({ config, ...model }, count) =>
      DeviceModel.open({ ...model, config: { ...config, normEpsilon: 1 } }, count),
    ).then(answer);
  (faults[process.env["REPO_MEMORY_TEST_FAULT"] ?? ""] ?? wrong)();
});
