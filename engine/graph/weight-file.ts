import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { bytesOf, type ExternalData } from "./onnx-writer.ts";

/** onnxruntime maps external data by pages; aligned tensors are mapped without a copy. */
const ALIGNMENT = 4096;

/** A file of tensors beside an ONNX model, written once from front to back. */
export class WeightFile {
  private end = 0;
  private readonly handle: FileHandle;
  private readonly name: string;

  private constructor(handle: FileHandle, name: string) {
    this.handle = handle;
    this.name = name;
  }

  static async create(path: string): Promise<WeightFile> {
    return new WeightFile(await open(path, "w"), basename(path));
  }

  /** Appends a tensor's memory and says where it lies. */
  async append(tensor: ArrayBufferView): Promise<ExternalData> {
    const offset = Math.ceil(this.end / ALIGNMENT) * ALIGNMENT;
    const bytes = bytesOf(tensor);
    await this.handle.writeFile(new Uint8Array(offset - this.end));
    await this.handle.writeFile(bytes);
    this.end = offset + bytes.length;
    return { location: this.name, offset, length: bytes.length };
  }

  /** Makes everything durable: a converted model is renamed into place only after this. */
  async close(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }
}
