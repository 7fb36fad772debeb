/** The self-test's process as it should not be; `REPO_MEMORY_TEST_FAULT` says how. */
import { type DeviceFolder, DeviceModel } from "../../engine/inference/device-model.ts";
import { selfTest } from "../../engine/inference/device-self-test.ts";
import type { DeviceTestRequest } from "../../engine/inference/device-test.ts";
import { SLOT_STEP } from "../../engine/inference/device-window.ts";
import { floatTensor, integerTensor, Session } from "../../engine/runtime/session.ts";
import { giveRoomFor } from "../support/little-memory.ts";

/** What a GPU with little memory has room for, in slots. */
const ROOM = 1024;

/** Lets a window that grows on the device begin anew: empty, and as large as it should be. */
function forgetGrown(): void {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its own session below
  const { run } = Session.prototype;
  Session.prototype.run = function forgetful(feeds, fetches) {
    const { slots, added } = feeds;
    if (slots?.location !== "gpu-buffer" || !(added?.data instanceof BigInt64Array))
      return run.call(this, feeds, fetches);
    const isSlots = (size: number) => size % SLOT_STEP === 0;
    const more = Array.from(added.data, Number);
    const all = slots.dims.map((size, i) => (isSlots(size) ? size + (more[i] ?? 0) : size));
    const none = floatTensor(
      new Float32Array(0),
      slots.dims.map((size) => (isSlots(size) ? 0 : size)),
    );
    return run.call(this, { slots: none, added: integerTensor(all, [3]) }, fetches);
  };
}

process.on("message", ({ folder, threads }: DeviceTestRequest) => {
  const answer = (result: object) => process.send?.({ ...result, isLast: true }, () => process.exit(0));
  const die = () => process.kill(process.pid, "SIGKILL");
  const test = (open: (side: DeviceFolder, count: number) => Promise<DeviceModel>) => {
    const onPassed = (result: object) => void process.send?.(result);
    void selfTest(folder, { threads, isTimed: false, open, onPassed }).then(answer);
  };
  const onLittle = (slots: number, refuse?: () => Promise<never>) =>
    test((side, count) => {
      giveRoomFor(slots, side.config, refuse);
      return DeviceModel.open(side, count);
    });
  const faults: Record<string, () => void> = {
    killed: die,
    late: () => setInterval(() => undefined, 1000),
    none: () => answer({ reason: "passed", detail: "1 ms for a short answer, 2 ms on the CPU" }),
    nonsense: () => answer({ reason: "splendid" }),
    // Windows of the test itself are smaller than what is asked for behind it.
    small: () => onLittle(ROOM / 2),
    "forgets what grows": () =>
      test((side, count) => {
        forgetGrown();
        return DeviceModel.open(side, count);
      }),
    "dies of asking for more": () => onLittle(ROOM, () => new Promise(die)),
  };
  // A graph made wrong on purpose: norms divide by something else.
  const wrong = () =>
    test(({ config, ...model }, count) => DeviceModel.open({ ...model, config: { ...config, normEpsilon: 1 } }, count));
  (faults[process.env["REPO_MEMORY_TEST_FAULT"] ?? ""] ?? wrong)();
});
