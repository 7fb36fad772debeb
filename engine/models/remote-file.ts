import * as http from "node:http";
import { RepoMemoryError } from "../protocol/errors.ts";

/** Long enough for a slow line, short enough not to keep an offline machine waiting. */
const ANSWER_MS = 10_000;
/** The hub answers renamed repositories with a redirect or two. */
const MAX_REDIRECTS = 5;

/** What a server says about a file before it is fetched. */
export interface RemoteFile {
  url: string;
  bytes: number | undefined;
  /** Hex; the hub names large files by it. */
  sha256: string | undefined;
}

/** Honours HTTP_PROXY, HTTPS_PROXY and NO_PROXY in `fetch`, where this Node can (from 24.14). */
export function useProxyEnvironment(): void {
  const named = ["http_proxy", "https_proxy"].some((name) => process.env[name] ?? process.env[name.toUpperCase()]);
  if (named && "setGlobalProxyFromEnv" in http) http.setGlobalProxyFromEnv();
}

/**
 * Asks for size and sha256 of the file at `url`: the hub gives them in `X-Linked-Size` and `X-Linked-ETag` of its own
 * answer, before it sends on to the storage.
 * @throws RepoMemoryError `download-failed` when there is no answer or no such file, or `cancelled`.
 */
export async function describeRemoteFile(url: string, signal: AbortSignal): Promise<RemoteFile> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await ask(at, signal);
    const { headers } = response;
    const sha256 = digestOf(headers.get("x-linked-etag")) ?? digestOf(headers.get("etag"));
    const redirect = response.status >= 300 && response.status < 400 ? headers.get("location") : null;
    if (redirect === null || headers.has("x-linked-size")) {
      if (response.status >= 400) throw refused(at, response.status);
      const bytes = sizeOf(headers.get("x-linked-size") ?? (redirect === null ? headers.get("content-length") : null));
      return { url, bytes, sha256 };
    }
    at = new URL(redirect, at).href;
  }
  throw new RepoMemoryError("download-failed", { message: `${url} sends on and on.` });
}

async function ask(url: string, signal: AbortSignal): Promise<Response> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    const headers = { "accept-encoding": "identity" };
    return await fetch(url, { method: "HEAD", redirect: "manual", signal: limited, headers });
  } catch (cause) {
    if (signal.aborted) throw new RepoMemoryError("cancelled", { message: "Cancelled.", cause });
    throw unreachable(url, cause);
  }
}

function digestOf(etag: string | null): string | undefined {
  return /^(?:W\/)?"?([0-9a-f]{64})"?$/u.exec(etag ?? "")?.[1];
}

function sizeOf(text: string | null): number | undefined {
  const size = Number(text ?? Number.NaN);
  return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

/** The innermost reason that Node gives for a failed connection. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof AggregateError) return networkReason(error.cause.errors[0]);
  return error.cause === undefined ? error.message : networkReason(error.cause);
}

function unreachable(url: string, cause: unknown): RepoMemoryError {
  return new RepoMemoryError("download-failed", {
    message: `${new URL(url).host} cannot be reached: ${networkReason(cause)}.`,
    meaning: "The model cannot be downloaded from there.",
    remedy: "Check the network and the proxy (HTTPS_PROXY), or name a model file with --model FILE.",
    cause,
  });
}

/** The error for an HTTP status that is not a success. */
export function refused(url: string, status: number): RepoMemoryError {
  const gated = status === 401 || status === 403;
  return new RepoMemoryError("download-failed", {
    message: `${url} answered with HTTP status ${status}.`,
    meaning: gated ? "The file is not given to everyone." : "The model cannot be downloaded from there.",
    remedy: "Try again later, choose another model, or name a model file with --model FILE.",
  });
}
