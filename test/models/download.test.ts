import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download, type DownloadRequest } from "../../engine/models/download.ts";
import type { Progress } from "../../engine/protocol/requests.ts";
import { serveFile, type Behaviour, type FileServer } from "./file-server.ts";

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i) % 251));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-"));
});
afterEach(() => rm(folder, { recursive: true }));

function fetchFrom(server: FileServer, more: Partial<DownloadRequest> = {}): Promise<void> {
  const signal = new AbortController().signal;
  const path = join(folder, "models", "model.gguf");
  return download({ url: server.url, path, signal, onProgress: () => {}, retryDelayMs: 0, ...more });
}

const complete = () => readFile(join(folder, "models", "model.gguf"));
const files = () => readdir(join(folder, "models"));
const partial = (server: FileServer) => join(folder, "models", `model.gguf.${server.sha256.slice(0, 16)}.part`);

async function leavePartial(server: FileServer, content: Buffer): Promise<void> {
  await using other = await serveFile(CONTENT, { cutAfter: [0, 0, 0, 0] });
  await expect(fetchFrom(other)).rejects.toMatchObject({ code: "download-failed" });
  await writeFile(partial(server), content);
}

describe("download", () => {
  it("fetches a file, checks it and tells how far it is", async () => {
    await using server = await serveFile(CONTENT);
    const progress: Progress[] = [];
    await fetchFrom(server, { onProgress: (p) => progress.push(p) });
    expect(await complete()).toEqual(CONTENT);
    expect(await files()).toEqual(["model.gguf"]);
    expect(progress[0]).toMatchObject({
      phase: "download",
      unit: "bytes",
      done: 0,
      total: CONTENT.length,
      detail: "model.gguf",
    });
    expect(progress.at(-1)).toMatchObject({ done: CONTENT.length, secondsLeft: 0 });
  });

  it("goes on where a broken connection ended", async () => {
    await using server = await serveFile(CONTENT, { cutAfter: [100_000, 50_000] });
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
    expect(server.ranges).toHaveLength(3);
    expect(server.ranges.slice(1).every((range) => range !== undefined)).toBe(true);
  });

  it("goes on where an earlier attempt ended", async () => {
    await using server = await serveFile(CONTENT);
    await leavePartial(server, CONTENT.subarray(0, 123_456));
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
    expect(server.ranges).toEqual(["bytes=123456-"]);
  });

  it("fetches nothing again when all was there", async () => {
    await using server = await serveFile(CONTENT);
    await leavePartial(server, CONTENT);
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
    expect(server.ranges).toEqual([]);
  });

  it("starts again with a server that ignores ranges, and with a part that is too long", async () => {
    await using server = await serveFile(CONTENT, { ignoreRange: true, cutAfter: [70_000] });
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
    await leavePartial(server, Buffer.concat([CONTENT, Buffer.of(1)]));
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
  });

  it("tries again when the server is busy", async () => {
    await using server = await serveFile(CONTENT, { statuses: [503, 429, 500] });
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
  });

  it("follows the redirects of a renamed repository", async () => {
    await using server = await serveFile(CONTENT, { redirects: 3 });
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
  });

  it("takes a file of unannounced size and hash", async () => {
    await using server = await serveFile(CONTENT, { describeStatus: 200, describe: { etag: 'W/"1-2"' } });
    await fetchFrom(server);
    expect(await complete()).toEqual(CONTENT);
  });

  it("lets two fetch the same file at once", async () => {
    await using server = await serveFile(CONTENT);
    await Promise.all([fetchFrom(server), fetchFrom(server)]);
    expect(await complete()).toEqual(CONTENT);
    expect(await files()).toEqual(["model.gguf"]);
  });
});

describe("a download that fails", () => {
  async function failure(behaviour: Behaviour): Promise<{ error: unknown; left: string[] }> {
    await using server = await serveFile(CONTENT, behaviour);
    const error = await fetchFrom(server).catch((thrown: unknown) => thrown);
    return { error, left: await files().catch(() => []) };
  }

  it("deletes what has the wrong sha256, and says so", async () => {
    const { error, left } = await failure({ send: Buffer.from(CONTENT).fill(7, 1000, 1001) });
    expect(error).toMatchObject({ code: "download-failed", message: expect.stringContaining("sha256") });
    expect(left).toEqual([]);
  });

  it("cuts off a server that sends more than it announced", async () => {
    const { error, left } = await failure({ send: Buffer.concat([CONTENT, CONTENT]), hang: true });
    expect(error).toMatchObject({
      code: "download-failed",
      message: expect.stringContaining("longer than the announced 300000"),
    });
    expect(left).toEqual([]);
  });

  it("keeps what is there when the line breaks for good", async () => {
    const { error, left } = await failure({ cutAfter: [1000, 0, 0, 0, 0, 0] });
    expect(error).toMatchObject({ code: "download-failed", meaning: expect.stringContaining("kept") });
    expect(left).toEqual([expect.stringMatching(/^model\.gguf\.[0-9a-f]{16}\.part$/u)]);
  });

  it("keeps nothing when it could not be taken up again", async () => {
    const { error, left } = await failure({
      cutAfter: [1000, 0, 0, 0, 0],
      describe: { "content-length": "300000" },
      describeStatus: 200,
    });
    expect(error).toMatchObject({ code: "download-failed", meaning: "Nothing of it is kept." });
    expect(left).toEqual([]);
  });

  it.each([
    [401, /not given to everyone/],
    [404, /cannot be downloaded/],
  ])("tells of HTTP status %i", async (describeStatus, meaning) => {
    const { error } = await failure({ describeStatus, describe: {} });
    expect(error).toMatchObject({ code: "download-failed", message: expect.stringContaining(String(describeStatus)) });
    expect(error).toMatchObject({ meaning: expect.stringMatching(meaning) });
    expect(await failure({ statuses: [describeStatus] })).toMatchObject({ error: { code: "download-failed" } });
  });

  it("gives up on redirects without end", async () => {
    const { error } = await failure({ redirects: 100 });
    expect(error).toMatchObject({ code: "download-failed", message: expect.stringContaining("sends on") });
  });

  it("names the host that cannot be reached", async () => {
    const server = await serveFile(CONTENT);
    await server[Symbol.asyncDispose]();
    await expect(fetchFrom(server)).rejects.toMatchObject({
      code: "download-failed",
      message: expect.stringMatching(/127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/u),
    });
  });

  it("refuses before the first byte what does not fit the disk", async () => {
    const size = String(2 ** 50);
    const { error } = await failure({ describe: { "x-linked-size": size, "x-linked-etag": `"${"0".repeat(64)}"` } });
    expect(error).toMatchObject({ code: "disk-full", remedy: expect.stringContaining("Free space") });
  });

  it.runIf(process.platform === "linux")("tells of a disk that is full", async () => {
    await using server = await serveFile(CONTENT);
    await leavePartial(server, Buffer.of());
    await rm(partial(server));
    await symlink("/dev/full", partial(server));
    await expect(fetchFrom(server)).rejects.toMatchObject({ code: "disk-full" });
  });
});

describe("a download that is cancelled", () => {
  it("keeps what is there, and the next goes on from it", async () => {
    await using hanging = await serveFile(CONTENT, { hang: true, cutAfter: [CONTENT.length - 1] });
    const cancel = new AbortController();
    const onProgress = ({ done }: Progress): void => {
      if (done > 0) cancel.abort();
    };
    await expect(fetchFrom(hanging, { signal: cancel.signal, onProgress })).rejects.toMatchObject({
      code: "cancelled",
    });
    const kept = await readFile(partial(hanging));
    expect(kept.length).toBeGreaterThan(0);
    await using server = await serveFile(CONTENT);
    await fetchFrom(server);
    expect(server.ranges).toEqual([`bytes=${kept.length}-`]);
    expect(await complete()).toEqual(CONTENT);
  });

  it("does not begin when it is cancelled already", async () => {
    await using server = await serveFile(CONTENT);
    await expect(fetchFrom(server, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
    expect(server.ranges).toEqual([]);
  });
});
