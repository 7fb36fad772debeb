import { invalidModel } from "./invalid-model.ts";
import type { ModelFile } from "./model-file.ts";
import { BLOCK_LAYOUTS, type TensorType } from "./tensor-types.ts";

/** Where a tensor's bytes lie. */
export interface StoredTensor {
  file: ModelFile;
  /** The name that the file gives it, for errors. */
  name: string;
  type: TensorType;
  /** Row-major: the last dimension is contiguous. */
  shape: readonly number[];
  /** In bytes from the start of the file. */
  offset: number;
}

/**
 * Bytes of a tensor of `shape`.
 * @throws RepoMemoryError "model-invalid" when rows are no whole number of blocks or the product is beyond exact integers
 */
export function tensorBytes(path: string, name: string, type: TensorType, shape: readonly number[]): number {
  const layout = BLOCK_LAYOUTS[type];
  const columns = shape.at(-1) ?? 1;
  if (columns % layout.values !== 0) {
    throw invalidModel(
      path,
      `tensor ${name}`,
      `has rows of ${columns} values, no multiple of ${type}'s ${layout.values}`,
    );
  }
  let blocks = columns / layout.values;
  for (const dimension of shape.slice(0, -1)) blocks *= dimension;
  const bytes = blocks * layout.bytes;
  // Doubles are exact up to here; the product only grows, so one look at its end is enough.
  if (!Number.isSafeInteger(bytes)) {
    throw invalidModel(path, `tensor ${name}`, `has dimensions [${shape.join(", ")}] whose product is too large`);
  }
  return bytes;
}

/** @throws RepoMemoryError "model-invalid" when the tensor's bytes are not all inside its file */
export function checkInsideFile(tensor: StoredTensor): void {
  const { file, name, type, shape, offset } = tensor;
  const bytes = tensorBytes(file.path, name, type, shape);
  if (offset + bytes <= file.size) return;
  throw invalidModel(
    file.path,
    `tensor ${name}`,
    `should have ${bytes} bytes from offset ${offset}, but the file ends at ${file.size} (a download that broke off?)`,
  );
}
