import { realpath } from "node:fs/promises";
import { join, sep } from "node:path";

import { failureOf, readBounded } from "./bounded-read.ts";
import type { ReadFailure } from "./bounded-read.ts";
import { contentHash } from "./content-hash.ts";
import { decodeText } from "./text-files.ts";
import type { SecretList } from "./secrets.ts";

/** A file's text and what tells later whether it changed. */
export interface ReadText {
  text: string;
  contentHash: string;
  /** In bytes. */
  size: number;
  /** -1 where the time cannot vouch for the content. */
  mtimeNs: bigint;
}

/** What a file's content has to be like. */
export interface ReadOptions {
  maxFileBytes: number;
  secrets: SecretList;
}

/**
 * A file written this shortly before it was read may be written again without its time or size changing (git calls such an
 * index entry racy): its time is not kept, so that its content is compared next time.
 */
const RACY_NS = 2_000_000_000n;

/** Reads one file of `folder` (an absolute real path), or says why not. */
export async function readText(folder: string, path: string, options: ReadOptions): Promise<ReadText | ReadFailure> {
  const file = join(folder, path);
  try {
    // A directory on the way may be a link: what lies outside the folder is not read.
    if (!(await realpath(file)).startsWith(folder.endsWith(sep) ? folder : folder + sep)) {
      return skipped("symbolic link out of the folder");
    }
  } catch (error) {
    return failureOf(error);
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  const read = await readBounded(file, options.maxFileBytes);
  if (!("bytes" in read)) return read;
  const mtimeNs = now - read.mtimeNs < RACY_NS ? -1n : read.mtimeNs;
  return accepted(path, read.bytes, mtimeNs, options);
}

/** Likewise for text that an editor holds and has not saved. */
export function readOverride(path: string, text: string, options: ReadOptions): ReadText | ReadFailure {
  const bytes = Buffer.from(text);
  if (bytes.length > options.maxFileBytes) return skipped("larger than the limit");
  return accepted(path, bytes, -1n, options);
}

function accepted(path: string, bytes: Buffer, mtimeNs: bigint, { secrets }: ReadOptions): ReadText | ReadFailure {
  const decoded = decodeText(path, bytes);
  if ("reason" in decoded) return skipped(decoded.reason);
  const secret = secrets.byContent(path, decoded.text);
  if (secret !== undefined) return skipped(secret);
  return { text: decoded.text, contentHash: contentHash(bytes), size: bytes.length, mtimeNs };
}

function skipped(reason: string): ReadFailure {
  return { reason, missing: false, directory: false };
}
