/** What a model computes on: the CPU, until a GPU has shown that it computes the same, and faster. */
import { readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { DeviceChoice, DeviceReason, DeviceStatus } from "../protocol/device.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { findGpus, type Gpus } from "../runtime/gpus.ts";
import { RUNTIME_VERSION } from "../runtime/session.ts";
import { DEVICE_GRAPHS_VERSION, DeviceModel } from "./device-model.ts";
import { DeviceRecords } from "./device-records.ts";
import { windowSizes } from "./device-windows.ts";
import type { LanguageModel } from "./language-model.ts";
import { testDevice } from "./test-device.ts";

/** What a choice is made by. */
export interface DeviceOptions {
  choice: DeviceChoice;
  dataDir: string;
  threads: number;
  log: (line: string) => void;
  /** What a test may put in place of the machine, the self-test's program, its time limit and what "auto" waits before it. */
  gpus?: () => Promise<Gpus>;
  program?: URL;
  limitMs?: number;
  delayMs?: number;
}

/** Time for a test, most of it for loading a model twice; a GPU in software, which only "webgpu" takes, needs far more. */
const LIMIT_MS = { hardware: 120_000, software: 600_000 };

/** "auto" tests after so long: a single question from a terminal is over then, and an editor has started. */
const DELAY_MS = 15_000;

/** One model's device. */
export class ModelDevice {
  readonly #options: DeviceOptions;
  readonly #closing = new AbortController();
  #gpu: string | undefined;
  #reason: DeviceReason = "chosen";
  #detail = "";
  #full = "";
  /** What was said of a full device, in few forms: windows have few sizes. */
  readonly #logged = new Set<string>();
  #inUse: DeviceModel | undefined;
  /** Slots of windows that the model has a use for. */
  #wanted = 0;
  #records: DeviceRecords | undefined;
  #choosing: Promise<void> = Promise.resolve();

  constructor(options: DeviceOptions) {
    this.#options = options;
  }

  get status(): DeviceStatus {
    return {
      device: this.#gpu ?? `CPU, ${this.#options.threads} threads`,
      deviceReason: this.#reason,
      ...(this.#detail === "" ? {} : { deviceDetail: this.#detail }),
      ...(this.#inUse ? memoryOf(this.#inUse, this.#wanted) : {}),
      ...(this.#full === "" ? {} : { deviceFull: this.#full }),
    };
  }

  /** Chooses for a model that runs on the CPU so far. Resolves when that is decided; a caller need not wait. */
  choose(model: LanguageModel): Promise<void> {
    this.#choosing = this.#choose(model).catch((error: unknown) => {
      if (!this.#closing.signal.aborted) this.#stay("failed", RepoMemoryError.from(error).message);
    });
    return this.#choosing;
  }

  /** To be called before the model is closed: stops a test, and waits until nothing is put onto the model any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#choosing;
    this.#records?.end(true);
  }

  async #choose(model: LanguageModel): Promise<void> {
    const { choice, gpus = findGpus } = this.#options;
    if (choice === "cpu") return;
    const { hardware, fingerprint } = await gpus();
    if (choice === "auto" && hardware.length === 0) return this.#stay("no-gpu", "");
    this.#reason = "testing";
    const limitMs = this.#options.limitMs ?? LIMIT_MS[hardware.length > 0 ? "hardware" : "software"];
    const { reason, detail, slots } = await this.#tested(model, choice, fingerprint, limitMs);
    if (reason !== "passed") return this.#stay(reason, detail);
    await this.#use(model, hardware.length === 0 ? "software" : hardware.join(" / "), detail, slots);
  }

  async #tested(model: LanguageModel, choice: "auto" | "webgpu", fingerprint: string, limitMs: number) {
    const { dataDir, threads, program, delayMs = DELAY_MS } = this.#options;
    const graphs = createHash("sha256")
      .update(await readFile(join(model.folder, "decode.onnx")))
      .digest("hex");
    const version = `${RUNTIME_VERSION} ${DEVICE_GRAPHS_VERSION}`;
    this.#records = new DeviceRecords(dataDir, [choice, fingerprint, version, model.hash, graphs]);
    const known = this.#records.outcome();
    if (known) return known;
    if (choice === "auto") await setTimeout(delayMs, undefined, { signal: this.#closing.signal, ref: false });
    const request = { folder: model.folder, threads, isTimed: choice === "auto" };
    const outcome = await testDevice(request, limitMs, this.#closing.signal, program);
    this.#records.note(outcome);
    return outcome;
  }

  async #use(model: LanguageModel, gpu: string, detail: string, slots?: number): Promise<void> {
    const { folder, config, attentionHeads: heads } = model;
    this.#records?.begin();
    const device = await DeviceModel.open({ folder, config, heads }, this.#options.threads);
    if (this.#closing.signal.aborted) return device.close();
    if (slots !== undefined) device.hold(slots);
    this.#wanted = windowSizes(model.positions).at(-1) ?? 0;
    model.useDevice(
      device,
      ({ message }) => this.#stay("lost", message),
      ({ message }) => this.#noteFull(message),
    );
    this.#inUse = device;
    this.#gpu = `${gpu} (WebGPU)`;
    this.#reason = this.#options.choice === "webgpu" ? "chosen" : "passed";
    this.#detail = detail;
    this.#options.log(`The model runs on ${this.#gpu}. ${detail}`.trim());
  }

  /** Each token of a long text says the same, and each question may: it is logged once. */
  #noteFull(message: string): void {
    if (!this.#logged.has(message)) this.#options.log(`The CPU computes what the GPU has no room for: ${message}.`);
    this.#logged.add(message);
    this.#full = message;
  }

  #stay(reason: DeviceReason, detail: string): void {
    this.#records?.end(false);
    this.#gpu = undefined;
    this.#inUse = undefined;
    this.#full = "";
    this.#reason = reason;
    this.#detail = detail;
    if (reason !== "no-gpu") this.#options.log(`The model runs on the CPU: ${reason}${detail && `, ${detail}`}.`);
  }
}

/** What a status says of a GPU's memory. */
function memoryOf(
  { bytes, mostBytes, mostSlots }: DeviceModel,
  wanted: number,
): Pick<DeviceStatus, "deviceBytes" | "deviceMostBytes" | "deviceTokens"> {
  return {
    deviceBytes: bytes,
    ...(Number.isFinite(mostBytes) ? { deviceMostBytes: mostBytes } : {}),
    ...(mostSlots < wanted ? { deviceTokens: mostSlots } : {}),
  };
}
