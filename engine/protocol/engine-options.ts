/** How an engine is opened. Types only. */
import type { DeviceChoice } from "./device.ts";

/** How the engine's process competes with others. */
export type Priority = "low" | "normal";

/** How an engine is opened. */
export interface EngineOptions {
  /** Where stores, converted models and downloads live. */
  dataDir: string;
  /** Path of a GGUF file or of a folder with safetensors; chosen and fetched when absent. */
  model?: string;
  /** When false, a call that needs a model throws "model-not-found" rather than fetch one; true by default. */
  mayDownload?: boolean;
  /** Threads for the model's arithmetic; the number of physical cores by default. */
  threads?: number;
  /** What the model computes on; "auto" by default. */
  device?: DeviceChoice;
  /** More patterns (gitignore syntax) of files that must never be read. */
  secretPatterns?: string[];
  /** Files above this many bytes are skipped; 1 MiB by default. */
  maxFileBytes?: number;
  /**
   * Bytes of disk for the memory of all folders together: above it, keys and values that are missed least are removed, and made
   * again when they are needed. 10 GB or a fifth of the free disk by default, whichever is less.
   */
  diskBudgetBytes?: number;
  /**
   * "low" leaves the processor to others when they want it, for this process's whole life: systems let a program step back but
   * not forward again, so answers cannot be exempt. "normal" by default.
   */
  priority?: Priority;
  /** Whether reading waits while the machine runs on its battery; what changes is read all the same. False by default. */
  pauseOnBattery?: boolean;
}
