/** A GPU with little memory: growing a window is refused as onnxruntime refuses it, or ends the process as a driver may. */
import { DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";

/**
 * From now on no window of `model` grows beyond `slots` slots on a device.
 * @param refuse what happens instead
 * @param others slots that other windows have, where the room is for all together
 * @returns undoes it
 */
export function giveRoomFor(
  slots: number,
  { kvHeads, headDim }: { kvHeads: number; headDim: number },
  refuse = (): Promise<never> => Promise.reject(new DeviceLost("The GPU failed in work", new Error("Out of memory"))),
  others = (): number => 0,
): () => void {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with its own session below
  const { run } = Session.prototype;
  Session.prototype.run = function limited(feeds, fetches) {
    const added = feeds["added"]?.data;
    const growth = added instanceof BigInt64Array ? Number(added.reduce((product, size) => product * size, 1n)) : 0;
    const grown = (feeds["slots"]?.size ?? 0) + growth;
    const isFull = growth > 0 && grown > (slots - others()) * kvHeads * headDim;
    return isFull ? refuse() : run.call(this, feeds, fetches);
  };
  return () => {
    Session.prototype.run = run;
  };
}
