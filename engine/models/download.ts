import { mkdir, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { CallContext } from "../protocol/requests.ts";
import { PartialFile } from "./partial-file.ts";
import { describeRemoteFile, networkReason, refused, useProxyEnvironment, type RemoteFile } from "./remote-file.ts";
import { transferProgress } from "./transfer-progress.ts";

/** Where the size is not announced; no model that this engine can run is larger. */
const MAX_BYTES = 2 ** 37;
/** Connections in a row that may break without a single new byte, and in all. */
const MAX_STALLS = 4;
const MAX_CONNECTIONS = 100;

/** A file to fetch. */
export interface DownloadRequest extends CallContext {
  url: string;
  /** The file's name when it is complete; until then it has another one beside it. */
  path: string;
  /** Before a broken connection is tried again; 1000 by default. */
  retryDelayMs?: number;
}

/**
 * Downloads a file, taking up an earlier attempt where it ended. The sha256 that the server announces is checked before
 * the file gets its name. When cancelled or when the line breaks for good, what is there stays for the next attempt.
 *
 * @throws RepoMemoryError `download-failed`, `disk-full` or `cancelled`.
 */
export async function download(request: DownloadRequest): Promise<void> {
  useProxyEnvironment();
  const remote = await describeRemoteFile(request.url, request.signal);
  try {
    await mkdir(dirname(request.path), { recursive: true });
    const partialPath = partialName(request.path, remote);
    if (remote.sha256 === undefined) await rm(partialPath, { force: true });
    await checkSpace(partialPath, remote);
    await fetchInto(await PartialFile.open(partialPath, remote.bytes ?? MAX_BYTES), remote, request);
  } catch (error) {
    throw explained(error, request, remote);
  }
}

/** Only content of a known hash is taken up again, by whoever asks for the same; all else has a name of its own. */
function partialName(path: string, { sha256 }: RemoteFile): string {
  return `${path}.${sha256?.slice(0, 16) ?? process.pid}.part`;
}

async function checkSpace(partialPath: string, { bytes }: RemoteFile): Promise<void> {
  if (bytes === undefined) return;
  const there = await stat(partialPath).then(
    ({ size }) => size,
    () => 0,
  );
  const { bavail, bsize } = await statfs(dirname(partialPath));
  if (bytes - there > bavail * bsize) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
}

async function fetchInto(partial: PartialFile, remote: RemoteFile, request: DownloadRequest): Promise<void> {
  try {
    await transferAll(partial, remote, request);
  } catch (error) {
    const worthless = error instanceof WrongContent || remote.sha256 === undefined;
    await (worthless ? partial.discard() : partial.close());
    throw error;
  }
  if (remote.sha256 !== undefined && partial.digest() !== remote.sha256) {
    await partial.discard();
    throw new WrongContent("its sha256 is not the one that the server announced");
  }
  await partial.finish(request.path);
}

/** What was received cannot be right; nothing of it is kept. */
class WrongContent extends Error {}

/** The line broke or the server was busy; another connection may take up where this one ended. */
class Interrupted extends Error {}

async function transferAll(partial: PartialFile, remote: RemoteFile, request: DownloadRequest): Promise<void> {
  const total = remote.bytes ?? 0;
  const report = transferProgress({ total, detail: basename(request.path), onProgress: request.onProgress });
  report(partial.size);
  for (let stalls = 0, connections = 0; partial.size !== remote.bytes;) {
    const before = partial.size;
    try {
      await transfer(partial, remote, request, report);
      return;
    } catch (error) {
      stalls = partial.size > before ? 0 : stalls + 1;
      const hopeless = stalls >= MAX_STALLS || ++connections >= MAX_CONNECTIONS;
      if (!(error instanceof Interrupted) || hopeless) throw error;
      await delay(request.retryDelayMs ?? 1000, undefined, { signal: request.signal });
    }
  }
}

/** One connection: from where `partial` ends to the end of the file. */
async function transfer(
  partial: PartialFile,
  remote: RemoteFile,
  { url, signal }: DownloadRequest,
  report: (done: number) => void,
): Promise<void> {
  const response = await connect(url, partial.size, signal);
  if (response.status === 429 || response.status >= 500) throw new Interrupted(`HTTP status ${response.status}`);
  if (!response.ok || response.body === null) throw refused(url, response.status);
  if (!continues(response, partial.size)) await partial.restart();
  const end = remote.bytes ?? MAX_BYTES;
  for await (const chunk of chunks(response.body, signal)) {
    if (partial.size + chunk.length > end) throw new WrongContent(`it is longer than the announced ${end} bytes`);
    await partial.append(chunk);
    report(partial.size);
  }
  if (remote.bytes !== undefined && partial.size < remote.bytes) throw new Interrupted("it ended early");
}

async function connect(url: string, from: number, signal: AbortSignal): Promise<Response> {
  const range = from > 0 ? { range: `bytes=${from}-` } : {};
  try {
    return await fetch(url, { signal, headers: { "accept-encoding": "identity", ...range } });
  } catch (cause) {
    throw signal.aborted ? cause : new Interrupted(networkReason(cause), { cause });
  }
}

/** Whether the answer begins at byte `from`; a server may ignore the range and send everything. */
function continues(response: Response, from: number): boolean {
  if (from === 0) return true;
  return response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${from}-`) === true;
}

async function* chunks(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await readOrBreak(reader, signal);
      if (done) return;
      yield value;
    }
  } finally {
    // Closes the connection; whatever that brings up no longer matters.
    await reader.cancel().catch(() => {});
  }
}

async function readOrBreak(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal) {
  try {
    return await reader.read();
  } catch (cause) {
    throw signal.aborted ? cause : new Interrupted(networkReason(cause), { cause });
  }
}

function explained(
  error: unknown,
  { url, path, signal }: DownloadRequest,
  { bytes, sha256 }: RemoteFile,
): RepoMemoryError {
  if (error instanceof RepoMemoryError) return error;
  if (signal.aborted) return new RepoMemoryError("cancelled", { message: "The download was cancelled.", cause: error });
  if (error instanceof Error && "code" in error && error.code === "ENOSPC") return diskFull(path, bytes, error);
  const kept = error instanceof Interrupted && sha256 !== undefined;
  return new RepoMemoryError("download-failed", {
    message: `${basename(path)} could not be downloaded from ${new URL(url).host}: ${error instanceof Error ? error.message : String(error)}.`,
    meaning: kept ? "What is there is kept; the next attempt goes on from it." : "Nothing of it is kept.",
    remedy: "Try again, or name a model file with --model FILE.",
    cause: error,
  });
}

function diskFull(path: string, bytes: number | undefined, cause: Error): RepoMemoryError {
  const size = bytes === undefined ? "" : ` (${(bytes / 1e9).toFixed(2)} GB)`;
  return new RepoMemoryError("disk-full", {
    message: `There is not enough space on the disk for ${basename(path)}${size}.`,
    meaning: "The download stopped; what is there is kept and the next attempt goes on from it.",
    remedy: `Free space on the disk of ${dirname(path)}, or choose a smaller model.`,
    cause,
  });
}
