import { affineType } from "./affine-blocks.ts";
import { invalidModel, unsupportedModel } from "./invalid-model.ts";
import type { ModelFile } from "./model-file.ts";
import type { AffineMatrix, ModelConfig, ModelSource, TensorName, TokenizerFiles } from "./model-source.ts";
import { dequantize } from "./quant-blocks.ts";
import { halfSplitRow } from "./row-order.ts";
import { type StoredTensor } from "./stored-tensor.ts";
import { expectedTensors, isLayerTensor, type ExpectedTensor, type Naming } from "./tensor-names.ts";
import { BLOCK_LAYOUTS } from "./tensor-types.ts";

/** Bytes of a tensor held at a time while it is decoded. */
const CHUNK_BYTES = 4 << 20;

/** What an opened checkpoint is made of; both formats are brought into this form. */
export interface CheckpointParts {
  path: string;
  config: ModelConfig;
  naming: Naming;
  /** By the file's names. */
  tensors: ReadonlyMap<string, StoredTensor>;
  /** The rows of q and k alternate between the halves of a head (GGUF's llama). */
  interleavedRope: boolean;
  tokenizerFiles: TokenizerFiles;
  files: readonly ModelFile[];
  hash: () => Promise<string>;
}

/** A matrix to be decoded a row at a time; vectors are one row, or one column where their rows change place. */
interface RowPlan {
  tensor: StoredTensor;
  rows: number;
  columns: number;
  /** Where row `row` of the file goes. */
  destination: (row: number) => number;
}

/** A checkpoint whose tensors were checked against its config. */
export class Checkpoint implements ModelSource {
  readonly path: string;
  readonly config: ModelConfig;
  readonly tokenizerFiles: TokenizerFiles;
  readonly #tensors: ReadonlyMap<TensorName, StoredTensor>;
  readonly #parts: CheckpointParts;
  #hash: Promise<string> | undefined;

  /** @throws RepoMemoryError when a tensor that the config needs is missing or has another shape */
  constructor(parts: CheckpointParts) {
    this.path = parts.path;
    this.config = parts.config;
    this.tokenizerFiles = parts.tokenizerFiles;
    this.#tensors = checkedTensors(parts);
    this.#parts = parts;
  }

  hash(): Promise<string> {
    this.#hash ??= this.#parts.hash();
    return this.#hash;
  }

  has(tensor: TensorName): boolean {
    return this.#tensors.has(tensor);
  }

  async read(name: TensorName): Promise<Float32Array> {
    const plan = this.#plan(name);
    const { columns, tensor } = plan;
    const values = new Float32Array(plan.rows * columns);
    await eachRow(plan, (bytes, row) =>
      dequantize(tensor.type, bytes, values.subarray(row * columns, (row + 1) * columns)),
    );
    return values;
  }

  async readAffine(name: TensorName): Promise<AffineMatrix | undefined> {
    const plan = this.#plan(name);
    const affine = affineType(plan.tensor.type);
    if (affine === undefined) return undefined;
    const { rows, columns } = plan;
    const blocks = columns / 32;
    const matrix: AffineMatrix = {
      rows,
      columns,
      bits: affine.bits,
      codes: new Uint8Array(rows * columns),
      scales: new Float32Array(rows * blocks),
      offsets: new Float32Array(rows * blocks),
    };
    await eachRow(plan, (bytes, row) =>
      affine.unpack(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), {
        codes: matrix.codes.subarray(row * columns, (row + 1) * columns),
        scales: matrix.scales.subarray(row * blocks, (row + 1) * blocks),
        offsets: matrix.offsets.subarray(row * blocks, (row + 1) * blocks),
      }),
    );
    return matrix;
  }

  async close(): Promise<void> {
    await Promise.all(this.#parts.files.map((file) => file.close()));
  }

  #plan(name: TensorName): RowPlan {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new RangeError(`${this.path} has no tensor ${name}`);
    const columns = tensor.shape.at(-1) ?? 1;
    const rows = tensor.shape.length === 1 ? 1 : (tensor.shape[0] ?? 1);
    if (!this.#parts.interleavedRope || !/\.[qk](_bias)?$/.test(name)) {
      return { tensor, rows, columns, destination: (row) => row };
    }
    const destination = (row: number) => halfSplitRow(row, this.config.headDim);
    return tensor.shape.length === 1
      ? { tensor, rows: columns, columns: 1, destination }
      : { tensor, rows, columns, destination };
  }
}

/** Reads a matrix in chunks of whole rows and gives each row's bytes with the row that it becomes. */
async function eachRow(plan: RowPlan, use: (bytes: Uint8Array, row: number) => void): Promise<void> {
  const { tensor, rows } = plan;
  const layout = BLOCK_LAYOUTS[tensor.type];
  const rowBytes = (plan.columns / layout.values) * layout.bytes;
  const chunkRows = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
  for (let first = 0; first < rows; first += chunkRows) {
    const count = Math.min(chunkRows, rows - first);
    const bytes = await tensor.file.read(tensor.offset + first * rowBytes, count * rowBytes, `tensor ${tensor.name}`);
    for (let row = 0; row < count; row++) {
      use(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), plan.destination(first + row));
    }
  }
}

function checkedTensors(parts: CheckpointParts): Map<TensorName, StoredTensor> {
  const { path, config, naming, tensors } = parts;
  const expected = expectedTensors(config, naming);
  const checked = new Map<TensorName, StoredTensor>();
  for (const { name, fileName, shape } of expected) {
    const tensor = tensors.get(fileName);
    if (tensor === undefined) throw invalidModel(path, `tensor ${fileName}`, "is missing");
    if (tensor.shape.join() !== shape.join()) {
      throw invalidModel(
        path,
        `tensor ${fileName}`,
        `has shape [${tensor.shape.join(", ")}], where the config says [${shape.join(", ")}]`,
      );
    }
    // Biases may have to change their rows' order one by one; no converter quantises vectors.
    if (shape.length === 1 && BLOCK_LAYOUTS[tensor.type].values > 1) {
      throw unsupportedModel(path, `the vector ${fileName} in ${tensor.type}`);
    }
    checked.set(name, tensor);
  }
  refuseOtherTensors(parts, expected);
  return checked;
}

/** A layer's tensor that no graph would use belongs to arithmetic that is not supported: answers would be wrong. */
function refuseOtherTensors({ path, naming, tensors }: CheckpointParts, expected: readonly ExpectedTensor[]): void {
  const used = new Set(expected.map(({ fileName }) => fileName));
  for (const name of tensors.keys()) {
    if (isLayerTensor(naming, name) && !used.has(name))
      throw unsupportedModel(path, `a checkpoint with a tensor ${name}`);
  }
}
