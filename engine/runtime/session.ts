/** The only module that imports onnxruntime: tensors in, tensors out, on the CPU. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { RepoMemoryError } from "../protocol/errors.ts";

export { Tensor };

export interface SessionOptions {
  /** Threads for one operator. */
  threads: number;
  /** Where a model in memory finds its external data. */
  dataFolder?: string;
}

export type Feeds = Record<string, Tensor>;

/** A float32 tensor over `data`, which is passed without a copy. */
export function floatTensor(data: Float32Array, dimensions: readonly number[]): Tensor {
  return new Tensor("float32", data, dimensions);
}

/** An int64 tensor. */
export function integerTensor(values: ArrayLike<number>, dimensions: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), dimensions);
}

/** The values of a float32 output; throws when the graph does not have it. */
export function floats(outputs: Readonly<Record<string, Tensor>>, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new RepoMemoryError("internal", { message: `The graph has no float32 output named ${name}.` });
}

/** One loaded ONNX model. `run` blocks this thread while it computes and yields to the event loop before it. */
export class Session {
  private readonly session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.session = session;
  }

  /** Loads a model file, or one in memory; that one may refer to external data in `dataFolder`. */
  static async open(model: string | Uint8Array, options: SessionOptions): Promise<Session> {
    const settings: InferenceSession.SessionOptions = {
      executionProviders: ["cpu"],
      intraOpNumThreads: options.threads,
      logSeverityLevel: 3,
      // Several sessions share the cores: one that spins while another computes makes both crawl.
      extra: {
        session: {
          force_spinning_stop: "1",
          ...(options.dataFolder ? { model_external_initializers_file_folder_path: options.dataFolder } : {}),
        },
      },
    };
    try {
      const session =
        typeof model === "string"
          ? await InferenceSession.create(model, settings)
          : await InferenceSession.create(model, settings);
      return new Session(session);
    } catch (cause) {
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
  async run(feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    return fetches ? this.session.run(feeds, fetches) : this.session.run(feeds);
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}
