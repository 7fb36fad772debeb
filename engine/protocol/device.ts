/** What the engine may compute on. Types only. */

/** "auto" takes a GPU that has passed a self-test; "webgpu" one that may be slower than the CPU, or software, too. */
export type DeviceChoice = "auto" | "cpu" | "webgpu";

/** Why the engine computes on what it computes on. */
export type DeviceReason =
  | "chosen" // the options say so
  | "passed" // the GPU gave the CPU's numbers, and was faster
  | "testing" // the CPU works until the self-test is done
  | "no-gpu" // none that is hardware
  | "failed" // WebGPU or a graph does not start there
  | "crashed" // the self-test's process, or the engine's own, ended while the GPU was in use
  | "wrong" // numbers that are not the CPU's
  | "late" // no result within the time limit
  | "slow" // slower than the CPU
  | "small" // no memory for a window beside the model
  | "lost"; // it failed in work; the CPU goes on

/** What the engine computes on now. */
export interface DeviceStatus {
  /** For people: "CPU, 8 threads" or the GPU's name. */
  device: string;
  deviceReason: DeviceReason;
  /** What is known besides, in English; measured times or an error's first line. */
  deviceDetail?: string;
  /** Of a GPU's memory: weights and windows, without what single runs and the look-up need. */
  deviceBytes?: number;
  /** What `deviceBytes` may become: the GPU had room for so much when it was tested. */
  deviceMostBytes?: number;
  /** Tokens that the GPU's windows have room for, where these are fewer than the engine has a use for: less is put into them. */
  deviceTokens?: number;
  /** What the GPU had no room for last, and the CPU computed; in English. */
  deviceFull?: string;
}
