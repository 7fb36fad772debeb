import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** A file in a zip archive. */
export interface ZipEntry {
  name: string;
  /** Bytes unpacked, and in the archive. */
  bytes: number;
  packedBytes: number;
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/** The end of the directory stands in the last 22 bytes, before a comment of at most 65,535. */
const LONGEST_END = 22 + 65_535;

/**
 * The entries of a zip archive, from its central directory (PKWARE's APPNOTE 4.3.12). Nothing is unpacked.
 * @throws Error when the file is no zip archive
 */
export function zipEntries(path: string): ZipEntry[] {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const tail = readAt(file, Math.max(0, size - LONGEST_END), Math.min(size, LONGEST_END));
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
    if (end < 0 || tail.readUInt32LE(end) !== END_OF_DIRECTORY) throw new Error(`${path} is no zip archive.`);
    const directory = readAt(file, tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12));
    return entriesOf(directory, tail.readUInt16LE(end + 10), path);
  } finally {
    closeSync(file);
  }
}

function entriesOf(directory: Buffer, count: number, path: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  for (let at = 0; entries.length < count;) {
    if (directory.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error(`The directory of ${path} is damaged.`);
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => directory.readUInt16LE(at + field));
    const name = directory.toString("utf8", at + 46, at + 46 + (nameLength ?? 0));
    entries.push({ name, packedBytes: directory.readUInt32LE(at + 20), bytes: directory.readUInt32LE(at + 24) });
    at += 46 + (nameLength ?? 0) + (extra ?? 0) + (comment ?? 0);
  }
  return entries;
}

function readAt(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const read = readSync(file, buffer, 0, length, position);
  if (read !== length) throw new Error("The archive ends early.");
  return buffer;
}
