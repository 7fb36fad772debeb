import { expect, test, vi } from "vitest";
import type { CallContext, Progress } from "../../engine/protocol/requests.ts";
import { INGESTED, servedEngine } from "../support/served-engine.ts";

const FOLDER = "/folder";
const rate = { total: 2, rate: 1, secondsLeft: 1 };
const download: Progress = { ...rate, phase: "download", unit: "bytes", done: 1 };
const ingest: Progress = { ...rate, phase: "ingest", unit: "tokens", done: 1 };

/** Says what it does, and does it until it is stopped. */
async function waitAt(progress: Progress, { signal, onProgress }: CallContext): Promise<void> {
  onProgress(progress);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  signal.throwIfAborted();
}

test.each([
  ["is answered", async () => ({ blocks: [] }), undefined],
  ["fails", () => Promise.reject(new Error("broken")), undefined],
  ["is stopped", (_: unknown, context: CallContext) => waitAt(ingest, context).then(() => ({ blocks: [] })), "stop"],
])("whoever shows a folder is told when a question about it %s", async (_, recall, stop) => {
  const over: string[] = [];
  const told = Promise.withResolvers<void>();
  const client = await servedEngine({ recall }, () => told.resolve());
  client.afterQuestion((folder) => over.push(folder));
  const abort = new AbortController();
  const asking = client.recall({ folder: FOLDER, question: "Where?" }, { signal: abort.signal }).catch(() => {});
  expect(over).toEqual([]);
  if (stop) await told.promise.then(() => abort.abort());
  await asking;
  expect(over).toEqual([FOLDER]);
});

test("a stopped download is stopped for every call that waits for it, and for no other", async () => {
  const heard: Progress[] = [];
  const client = await servedEngine(
    {
      recall: async (_, context) => (await waitAt(download, context), { blocks: [] }),
      ingest: async ({ folder }, context) => {
        await waitAt(folder === FOLDER ? download : ingest, context);
        return INGESTED;
      },
    },
    ({ progress }) => heard.push(progress),
  );
  const other = new AbortController();
  const outcomes = [
    client.recall({ folder: FOLDER, question: "Where?" }),
    client.ingest({ folder: FOLDER }),
    client.ingest({ folder: "/other" }, { signal: other.signal }),
  ].map((call) => call.catch((error: unknown) => error));
  await vi.waitFor(() => expect(heard).toHaveLength(3));
  client.stopDownload();
  const cancelled = expect.objectContaining({ code: "cancelled" });
  expect(await Promise.all(outcomes.slice(0, 2))).toEqual([cancelled, cancelled]);
  const isWaiting = Symbol("waiting");
  expect(await Promise.race([outcomes[2], client.ping().then(() => isWaiting)])).toBe(isWaiting);
  other.abort();
  await outcomes[2];
});
