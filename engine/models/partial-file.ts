import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { access, open, rename, rm, type FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 1 << 20;

/**
 * A file that is being downloaded, under a temporary name, with the sha256 of what is there. Two processes may fetch the
 * same content at once: both write the same bytes at the same places, and whoever is done first renames.
 */
export class PartialFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #size = 0;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Opens `path` and takes in what an earlier attempt left, unless that is more than `maxBytes`. */
  static async open(path: string, maxBytes: number): Promise<PartialFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const file = new PartialFile(path, handle);
    try {
      await file.#takeIn(maxBytes);
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes that are there. */
  get size(): number {
    return this.#size;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#size + done);
      done += bytesWritten;
    }
    this.#hash.update(bytes);
    this.#size += bytes.length;
  }

  /** Starts again with nothing. */
  async restart(): Promise<void> {
    this.#hash = createHash("sha256");
    this.#size = 0;
    await this.#handle.truncate(0);
  }

  /** sha256 (hex) of what is there. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Makes the bytes durable and gives the file its name. */
  async finish(path: string): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.path, path).catch(async (error: unknown) => {
      // Another process had the same content complete first.
      await access(path).catch(() => Promise.reject(error));
    });
  }

  /** Ends the work; what is there stays for the next attempt. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Ends the work and deletes what is there. */
  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.path, { force: true });
  }

  async #takeIn(maxBytes: number): Promise<void> {
    const stats = await this.#handle.stat();
    if (!stats.isFile() || stats.size === 0) return;
    if (stats.size > maxBytes) return this.restart();
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, CHUNK_BYTES, this.#size);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#size += bytesRead;
    }
  }
}
