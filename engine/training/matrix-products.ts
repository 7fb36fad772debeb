/** The three large products of a training step, through onnxruntime. */
import { OnnxGraph } from "../graph/onnx-writer.ts";
import { floats, floatTensor, Session, Tensor } from "../runtime/session.ts";

/** Hidden states of tokens as they are kept on disk. */
export interface StateRows {
  /** [rows, hidden]; times `scale` they are standardised states. */
  states: Int8Array;
  rows: number;
  scale: number;
}

/** Sessions over hidden states of one width. */
export class MatrixProducts {
  readonly #hidden: number;
  readonly #project: Session;
  readonly #compare: Session;
  readonly #gradient: Session;

  private constructor(hidden: number, sessions: { project: Session; compare: Session; gradient: Session }) {
    this.#hidden = hidden;
    this.#project = sessions.project;
    this.#compare = sessions.compare;
    this.#gradient = sessions.gradient;
  }

  static async open(hidden: number, threads: number): Promise<MatrixProducts> {
    const open = (graph: Uint8Array) => Session.open(graph, { threads });
    return new MatrixProducts(hidden, {
      project: await open(writeProject(hidden)),
      compare: await open(writeCompare()),
      gradient: await open(writeGradient(hidden)),
    });
  }

  /** States times `weight` [hidden, columns]: [rows, columns]. */
  async project({ states, rows, scale }: StateRows, weight: Float32Array): Promise<Float32Array> {
    const outputs = await this.#project.run({
      rows: new Tensor("int8", states, [rows, this.#hidden]),
      weight: floatTensor(weight, [this.#hidden, weight.length / this.#hidden]),
      scale: floatTensor(Float32Array.of(scale), []),
    });
    return floats(outputs, "projected");
  }

  /** Dot products of the rows of `left` [T, width] and `right` [U, width]: [T, U]. */
  async compare(left: Float32Array, right: Float32Array, width: number): Promise<Float32Array> {
    const outputs = await this.#compare.run({
      left: floatTensor(left, [left.length / width, width]),
      right: floatTensor(right, [right.length / width, width]),
    });
    return floats(outputs, "products");
  }

  /** The transposed states times `outputs` [rows, columns]: what `project` passes back to its weight, [hidden, columns]. */
  async weightGradient({ states, rows, scale }: StateRows, outputs: Float32Array): Promise<Float32Array> {
    const run = await this.#gradient.run({
      rows: new Tensor("int8", states, [rows, this.#hidden]),
      outputs: floatTensor(outputs, [rows, outputs.length / rows]),
      scale: floatTensor(Float32Array.of(scale), []),
    });
    return floats(run, "gradient");
  }

  async close(): Promise<void> {
    await Promise.all([this.#project.close(), this.#compare.close(), this.#gradient.close()]);
  }
}

const TO_FLOAT = { to: 1 };

function writeProject(hidden: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("rows", "int8", ["R", hidden]);
  graph.input("weight", "float32", [hidden, "C"]);
  graph.input("scale", "float32", []);
  const scaled = graph.node("Mul", ["weight", "scale"]);
  graph.node("MatMul", [graph.node("Cast", ["rows"], TO_FLOAT), scaled], {}, "projected");
  graph.output("projected", "float32", ["R", "C"]);
  return graph.serialize();
}

function writeCompare(): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("left", "float32", ["T", "W"]);
  graph.input("right", "float32", ["U", "W"]);
  graph.node("Gemm", ["left", "right"], { transB: 1 }, "products");
  graph.output("products", "float32", ["T", "U"]);
  return graph.serialize();
}

function writeGradient(hidden: number): Uint8Array {
  const graph = new OnnxGraph();
  graph.input("rows", "int8", ["R", hidden]);
  graph.input("outputs", "float32", ["R", "C"]);
  graph.input("scale", "float32", []);
  const states = graph.node("Cast", ["rows"], TO_FLOAT);
  const product = graph.node("Gemm", [states, "outputs"], { transA: 1 });
  graph.node("Mul", [product, "scale"], {}, "gradient");
  graph.output("gradient", "float32", [hidden, "C"]);
  return graph.serialize();
}
