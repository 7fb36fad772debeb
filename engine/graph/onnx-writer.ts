/**
 * Writes ONNX models: just enough of the protobuf wire format for the graphs of this engine (onnx.proto3, IR version
 * 10). It knows nothing of models or weights; large tensors stay in files of their own and are only referred to.
 */

/** Element types by their numbers in onnx.proto3's `TensorProto.DataType`. */
const ELEMENT_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

export type ElementType = keyof typeof ELEMENT_TYPES;
/** A fixed size, or the name of one that is known at run time. */
export type Dimension = number | string;
type AttributeValue = number | string | number[] | { float: number };
export type Attributes = Record<string, AttributeValue>;

/** Where a tensor's bytes lie in a file beside the model. */
export interface ExternalData {
  /** File name, relative to the model's folder. */
  location: string;
  offset: number;
  length: number;
}

interface ValueInfo {
  name: string;
  type: ElementType;
  dimensions: readonly Dimension[];
}

interface Node {
  operator: string;
  domain: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Attributes;
}

interface Initializer {
  name: string;
  type: ElementType;
  dimensions: readonly number[];
  data: Uint8Array | ExternalData;
}

/** One protobuf message under construction; chunks are joined once, at the end. */
class Message {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;

  private push(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.size += bytes.length;
  }

  private varint(value: number): void {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    bytes.push(Number(rest));
    this.push(Uint8Array.from(bytes));
  }

  int(field: number, value: number): this {
    this.varint(field << 3);
    this.varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.varint((field << 3) | 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.push(bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.varint((field << 3) | 2);
    this.varint(value.length);
    this.push(value);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  message(field: number, fill: (message: Message) => void): this {
    const inner = new Message();
    fill(inner);
    this.varint((field << 3) | 2);
    this.varint(inner.size);
    this.chunks.push(...inner.chunks);
    this.size += inner.size;
    return this;
  }

  finish(): Uint8Array {
    const result = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      result.set(chunk, at);
      at += chunk.length;
    }
    return result;
  }
}

function writeAttribute(message: Message, name: string, value: AttributeValue): void {
  message.text(1, name);
  if (typeof value === "number") message.int(3, value).int(20, 2);
  else if (typeof value === "string") message.text(4, value).int(20, 3);
  else if (Array.isArray(value)) {
    for (const item of value) message.int(8, item);
    message.int(20, 7);
  } else message.float(2, value.float).int(20, 1);
}

function writeNode(message: Message, node: Node, index: number): void {
  for (const input of node.inputs) message.text(1, input);
  for (const output of node.outputs) message.text(2, output);
  message.text(3, `${node.operator}_${index}`).text(4, node.operator);
  for (const [name, value] of Object.entries(node.attributes)) {
    message.message(5, (inner) => writeAttribute(inner, name, value));
  }
  if (node.domain !== "") message.text(7, node.domain);
}

function writeInitializer(message: Message, tensor: Initializer): void {
  for (const dimension of tensor.dimensions) message.int(1, dimension);
  message.int(2, ELEMENT_TYPES[tensor.type]).text(8, tensor.name);
  const { data } = tensor;
  if (data instanceof Uint8Array) {
    message.bytes(9, data);
    return;
  }
  const entries = { location: data.location, offset: String(data.offset), length: String(data.length) };
  for (const [key, value] of Object.entries(entries)) {
    message.message(13, (entry) => entry.text(1, key).text(2, value));
  }
  message.int(14, 1); // data_location = EXTERNAL
}

function writeValueInfo(message: Message, value: ValueInfo): void {
  message.text(1, value.name).message(2, (type) =>
    type.message(1, (tensor) =>
      tensor.int(1, ELEMENT_TYPES[value.type]).message(2, (shape) => {
        for (const dimension of value.dimensions) {
          shape.message(1, (inner) =>
            typeof dimension === "string" ? inner.text(2, dimension) : inner.int(1, dimension),
          );
        }
      }),
    ),
  );
}

/** A typed array's memory as bytes, without a copy. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** An ONNX graph, node by node in the order that they run. */
export class OnnxGraph {
  private readonly nodes: Node[] = [];
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private readonly initializers = new Map<string, Initializer>();
  private readonly values = new Set<string>();
  private unnamed = 0;

  input(name: string, type: ElementType, dimensions: readonly Dimension[]): string {
    this.inputs.push({ name, type, dimensions });
    return name;
  }

  output(name: string, type: ElementType, dimensions: readonly Dimension[]): void {
    this.outputs.push({ name, type, dimensions });
  }

  /** Adds a constant, once a name; a typed array is copied into the model, so keep large ones external. */
  constant(
    name: string,
    type: ElementType,
    dimensions: readonly number[],
    data: ArrayBufferView | ExternalData,
  ): string {
    if (!this.initializers.has(name)) {
      const stored = ArrayBuffer.isView(data) ? bytesOf(data) : data;
      this.initializers.set(name, { name, type, dimensions, data: stored });
    }
    return name;
  }

  /** A constant list of int64, named by its values, as shapes and axes need it. */
  integers(...values: number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(`i64[${values.join(",")}]`, "int64", [values.length], data);
  }

  /** A constant scalar, named by its value. */
  scalar(value: number): string {
    return this.constant(`f32(${value})`, "float32", [], Float32Array.of(value));
  }

  /** Adds a node with one output and returns that output's name. An empty input name means "not given". */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const name = output ?? this.fresh();
    this.nodeWithOutputs(operator, inputs, [name], attributes);
    return name;
  }

  /** Like `node`, for onnxruntime's own operators (domain com.microsoft). */
  contrib(operator: string, inputs: readonly string[], attributes: Attributes = {}, output?: string): string {
    const name = output ?? this.fresh();
    this.nodeWithOutputs(operator, inputs, [name], attributes, "com.microsoft");
    return name;
  }

  /** Adds a node with several outputs; an empty name in `outputs` means "not wanted". */
  nodeWithOutputs(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes = {},
    domain: "" | "com.microsoft" = "",
  ): void {
    for (const output of outputs) this.values.add(output);
    this.nodes.push({ operator, domain, inputs, outputs, attributes });
  }

  /** Whether a node already makes a value of this name. */
  has(output: string): boolean {
    return this.values.has(output);
  }

  /** A value name that nothing else in the graph has. */
  fresh(): string {
    return `t${this.unnamed++}`;
  }

  /** The whole model as protobuf bytes (opset 21). */
  serialize(): Uint8Array {
    const model = new Message();
    model.int(1, 10).text(2, "repo-memory");
    model.message(7, (graph) => {
      this.nodes.forEach((node, index) => graph.message(1, (inner) => writeNode(inner, node, index)));
      graph.text(2, "decoder");
      for (const tensor of this.initializers.values()) graph.message(5, (inner) => writeInitializer(inner, tensor));
      for (const value of this.inputs) graph.message(11, (inner) => writeValueInfo(inner, value));
      for (const value of this.outputs) graph.message(12, (inner) => writeValueInfo(inner, value));
    });
    model.message(8, (opset) => opset.text(1, "").int(2, 21));
    model.message(8, (opset) => opset.text(1, "com.microsoft").int(2, 1));
    return model.finish();
  }
}
