import { readSync } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { RepoMemoryError } from "../protocol/errors.ts";
import { invalidModel } from "./invalid-model.ts";

/** A file of a checkpoint, read by ranges that are checked against its size. */
export class ModelFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly #handle: FileHandle;

  private constructor(path: string, size: number, modifiedMs: number, handle: FileHandle) {
    this.path = path;
    this.size = size;
    this.modifiedMs = modifiedMs;
    this.#handle = handle;
  }

  /**
   * Opens a regular file; a pipe or device is refused before it is opened, since opening one may block for ever.
   * @throws RepoMemoryError "model-not-found" when it cannot be opened, "model-invalid" when it is no regular file
   */
  static async open(path: string): Promise<ModelFile> {
    try {
      if (!(await stat(path)).isFile()) throw invalidModel(path, "the file", "is not a regular file");
      const handle = await open(path, "r");
      const { size, mtimeMs } = await handle.stat();
      return new ModelFile(path, size, mtimeMs, handle);
    } catch (cause) {
      if (cause instanceof RepoMemoryError) throw cause;
      throw cannotOpen(path, cause);
    }
  }

  /** `length` bytes from `offset`; `field` names them in the error that a range outside the file gets. */
  async read(offset: number, length: number, field: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#checkRange(offset, length, field);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw invalidModel(this.path, field, "ended early: the file has become shorter");
      done += bytesRead;
    }
    return bytes;
  }

  /** As `read`, without yielding: headers hold a hundred thousand small fields, too many to await one by one. */
  readNow(offset: number, length: number, field: string): Buffer {
    this.#checkRange(offset, length, field);
    const bytes = Buffer.alloc(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.#handle.fd, bytes, done, length - done, offset + done);
      if (count === 0) throw invalidModel(this.path, field, "ended early: the file has become shorter");
      done += count;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #checkRange(offset: number, length: number, field: string): void {
    if (offset >= 0 && length >= 0 && offset + length <= this.size) return;
    throw invalidModel(
      this.path,
      field,
      `needs bytes ${offset} to ${offset + length}, but the file ends at ${this.size}`,
    );
  }
}

function cannotOpen(path: string, cause: unknown): RepoMemoryError {
  return new RepoMemoryError("model-not-found", {
    message: `${path} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}.`,
    meaning: "There is no model to work with.",
    remedy: "Name a GGUF file or a folder with safetensors with --model FILE.",
    cause,
  });
}
