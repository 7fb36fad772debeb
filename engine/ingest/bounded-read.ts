import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

/** A file's bytes as they were at one moment. */
export interface ReadBytes {
  bytes: Buffer<ArrayBuffer>;
  mtimeNs: bigint;
}

/** Why a file was not read. */
export interface ReadFailure {
  reason: string;
  /** Nothing is there under that name. */
  missing: boolean;
  directory: boolean;
}

// Between listing and opening, a file may have become a link to elsewhere or a pipe that never ends. Windows has neither flag.
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** Reads a regular file of at most `maxBytes`; never follows a link at the path's end. */
export async function readBounded(path: string, maxBytes: number): Promise<ReadBytes | ReadFailure> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, FLAGS);
    return await readRegular(handle, maxBytes);
  } catch (error) {
    return failureOf(error);
  } finally {
    await handle?.close();
  }
}

async function readRegular(handle: FileHandle, maxBytes: number): Promise<ReadBytes | ReadFailure> {
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) return { reason: "not a regular file", missing: false, directory: stat.isDirectory() };
  if (stat.size > maxBytes) return tooLarge(maxBytes);
  // The file may grow while it is read: one byte more than was announced is asked for, and never more.
  const buffer = Buffer.alloc(Number(stat.size) + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return { bytes: buffer.subarray(0, Math.min(length, Number(stat.size))), mtimeNs: stat.mtimeNs };
}

function tooLarge(maxBytes: number): ReadFailure {
  return { reason: largerThan(maxBytes), missing: false, directory: false };
}

/** The reason given for a file above the limit. */
export function largerThan(maxBytes: number): string {
  const mebibytes = maxBytes / 2 ** 20;
  return mebibytes >= 1 ? `larger than ${Math.round(mebibytes * 10) / 10} MiB` : `larger than ${maxBytes} bytes`;
}

/** A file system error as the reason why something was skipped. */
export function failureOf(error: unknown): ReadFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
  const missing = code === "ENOENT" || code === "ENOTDIR";
  const reason = code === "ELOOP" ? "symbolic link" : `cannot be read (${code})`;
  return { reason, missing, directory: code === "EISDIR" };
}
