/** The only module that imports onnxruntime: tensors in, tensors out, on the CPU or on a GPU through WebGPU. */
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import { writeSmallConvolution } from "../graph/small-convolution.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { DeviceLost } from "./device-lost.ts";

export { Tensor };

/** onnxruntime's own version. */
export const RUNTIME_VERSION = env.versions.node ?? env.versions.common;

/** What computes: onnxruntime's own kernels, or a GPU. */
export type Provider = "cpu" | "webgpu";

export interface SessionOptions {
  /** Threads for one operator. */
  threads: number;
  /** Where a model in memory finds its external data. */
  dataFolder?: string;
  /** "cpu" by default. With "webgpu" nothing runs on the CPU: a graph that would need it is refused. */
  provider?: Provider;
  /** Outputs, float32 all of them, stay on the device, where they can be fed to other sessions; `dispose` gives them back. WebGPU only. */
  keepsOutputs?: boolean;
  /** Intermediate results' memory is given back after each run, and not kept for the next: for graphs of which there are many. CPU only. */
  isFrugal?: boolean;
}

/** Where an int64's low word stands: first, on every machine that onnxruntime runs on but a few. */
const LOW = new Int32Array(BigInt64Array.of(1n).buffer)[0] === 1 ? 0 : 1;

export type Feeds = Record<string, Tensor>;

/** Bytes that went to the device and came back from it. */
export interface Transfers {
  up: number;
  down: number;
}

/** What stays on devices until it is closed or disposed of, of all sessions of this process. */
export interface DeviceHoldings {
  sessions: number;
  tensors: number;
  /** Of the tensors. */
  bytes: number;
}

const holdings: DeviceHoldings = { sessions: 0, tensors: 0, bytes: 0 };

/** Counted where it is made and given back, so that what is lost in between shows: for tests and benches. */
export function heldOnDevices(): DeviceHoldings {
  return { ...holdings };
}

/** Gives back the memory of a tensor that a run left on a device. */
export function dispose(tensor: Tensor): void {
  if (tensor.location === "gpu-buffer") hold(tensor, -1);
  tensor.dispose();
}

function hold(tensor: Tensor, sign: 1 | -1): void {
  holdings.tensors += sign;
  holdings.bytes += sign * tensor.size * Float32Array.BYTES_PER_ELEMENT;
}

/** A float32 tensor over `data`, which is passed without a copy. */
export function floatTensor(data: Float32Array, dimensions: readonly number[]): Tensor {
  return new Tensor("float32", data, dimensions);
}

/** An int64 tensor of whole numbers of 32 bits. */
export function integerTensor(values: ArrayLike<number>, dimensions: readonly number[]): Tensor {
  // A number and its sign, word by word: making a BigInt of each takes a hundred times as long.
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? 0;
    words[LOW + 2 * i] = value;
    words[1 - LOW + 2 * i] = value < 0 ? -1 : 0;
  }
  return new Tensor("int64", new BigInt64Array(words.buffer), dimensions);
}

/** The values of a float32 output; throws when the graph does not have it. */
export function floats(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new RepoMemoryError("internal", { message: `The graph has no float32 output named ${name}.` });
}

/** One loaded ONNX model. `run` blocks this thread while it computes and yields to the event loop before it. */
export class Session {
  /** What its runs moved, since it was opened; nothing on the CPU. */
  readonly transfers: Transfers = { up: 0, down: 0 };
  private readonly session: InferenceSession;
  private readonly provider: Provider;

  private constructor(session: InferenceSession, provider: Provider) {
    this.session = session;
    this.provider = provider;
    if (provider === "webgpu") holdings.sessions++;
  }

  /** Loads a model file, or one in memory; that one may refer to external data in `dataFolder`. */
  static async open(model: string | Uint8Array, options: SessionOptions): Promise<Session> {
    const { provider = "cpu" } = options;
    const settings = settingsOf(provider, options);
    try {
      const session =
        typeof model === "string"
          ? await InferenceSession.create(model, settings)
          : await InferenceSession.create(model, settings);
      return new Session(session, provider);
    } catch (cause) {
      if (provider === "webgpu") throw new DeviceLost("onnxruntime cannot load a graph on the GPU", cause);
      throw new RepoMemoryError("model-invalid", {
        message: "onnxruntime refused a graph of this model.",
        meaning: "The converted model is damaged, or this machine has too little memory for it.",
        remedy: "Delete the converted model's folder to have it made again.",
        cause,
      });
    }
  }

  get outputs(): readonly string[] {
    return this.session.outputNames;
  }

  /** Runs the graph. Only the outputs in `fetches` are copied out; all when it is left out. */
  run(feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    return this.computed(feeds, {}, () => (fetches ? this.session.run(feeds, fetches) : this.session.run(feeds)));
  }

  /**
   * Like `run`, but the outputs named in `places` are written into those tensors of the device, which may be inputs of the same run:
   * then an operator that changes part of its input (ScatterND) does so in place.
   */
  runInto(feeds: Feeds, places: Feeds, fetches: readonly string[]): Promise<Record<string, Tensor>> {
    const wanted: Record<string, Tensor | null> = { ...places };
    for (const name of fetches) wanted[name] = null;
    return this.computed(feeds, places, () => this.session.run(feeds, wanted));
  }

  async close(): Promise<void> {
    try {
      await this.session.release();
    } finally {
      if (this.provider === "webgpu") holdings.sessions--;
    }
  }

  private async computed(
    feeds: Feeds,
    places: Feeds,
    run: () => Promise<InferenceSession.OnnxValueMapType>,
  ): Promise<Record<string, Tensor>> {
    if (this.provider === "cpu") return run();
    try {
      const outputs = await run();
      this.transfers.up += hostBytes(feeds);
      this.transfers.down += hostBytes(outputs);
      // What stands in a place is that place's memory, by another tensor that owns none.
      for (const [name, tensor] of Object.entries(outputs))
        if (tensor.location === "gpu-buffer" && !(name in places)) hold(tensor, 1);
      return outputs;
    } catch (cause) {
      throw new DeviceLost("The GPU failed in work", cause);
    }
  }
}

/**
 * Frees the weights of sessions on a device that were closed while others stay open. onnxruntime (1.30) sets them aside until it has laid
 * out some session's weights anew, which a convolution's opening does and nothing else here. @throws DeviceLost
 */
export async function freeClosedWeights(): Promise<void> {
  if (holdings.sessions === 0) return;
  const session = await Session.open(writeSmallConvolution(), { threads: 1, provider: "webgpu" });
  await session.close();
}

function settingsOf(
  provider: Provider,
  { threads, dataFolder, keepsOutputs, isFrugal = false }: SessionOptions,
): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
    enableCpuMemArena: !isFrugal,
    ...(keepsOutputs ? { preferredOutputLocation: "gpu-buffer" as const } : {}),
    extra: {
      session: {
        // Several sessions share the cores: one that spins while another computes makes both crawl.
        force_spinning_stop: "1",
        ...(provider === "webgpu" ? { disable_cpu_ep_fallback: "1" } : {}),
        ...(dataFolder ? { model_external_initializers_file_folder_path: dataFolder } : {}),
      },
    },
  };
}

function hostBytes(tensors: Readonly<Feeds>): number {
  let bytes = 0;
  for (const tensor of Object.values(tensors)) {
    if (tensor.location === "cpu" && ArrayBuffer.isView(tensor.data)) bytes += tensor.data.byteLength;
  }
  return bytes;
}
