import { expect, test, vi } from "vitest";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { CallContext, EngineApi, Progress } from "../../engine/protocol/requests.ts";
import { FolderMemory } from "../../extension/folder-memory.ts";
import { english } from "../support/english.ts";
import { INGESTED, servedEngine, statusOf } from "../support/served-engine.ts";

const FOLDER = "/folder";
const download: Progress = { phase: "download", done: 1, total: 2, unit: "bytes", rate: 1, secondsLeft: 1 };

/** An engine whose readings end when the test says so, and that notes what is asked of it, in order. */
async function reading(more: Partial<EngineApi> = {}) {
  const calls: string[] = [];
  const ends: (() => void)[] = [];
  const memory = new FolderMemory(FOLDER, english);
  const parts: Partial<EngineApi> = {
    ingest: async () => {
      calls.push("ingest");
      await new Promise<void>((resolve) => ends.push(resolve));
      return INGESTED;
    },
    recall: async () => (calls.push("recall"), { blocks: [] }),
    ...more,
  };
  const client = await servedEngine(parts, ({ progress }) => memory.progress(progress));
  const count = (name: string) => calls.filter((call) => call === name).length;
  return { client, memory, calls, count, ends };
}

test("a folder that changes by the thousand while it is read is compared once more when the reading ends", async () => {
  const { client, memory, count, ends } = await reading();
  const all = memory.read(client);
  await vi.waitFor(() => expect(count("ingest")).toBe(1));
  await memory.lookAgain(client);
  await memory.lookAgain(client);
  expect(memory.facts.value.state).toBe("reading");
  ends[0]?.();
  await vi.waitFor(() => expect(count("ingest")).toBe(2));
  ends[1]?.();
  await all;
  expect([count("ingest"), memory.facts.value.state]).toEqual([2, "ready"]);
});

test("a question right after such a change comes to the engine behind the comparison", async () => {
  const { client, memory, calls, ends } = await reading();
  const looking = memory.lookAgain(client);
  await client.recall({ folder: FOLDER, question: "Where?" });
  expect(calls).toEqual(["ingest", "recall"]);
  ends[0]?.();
  await looking;
});

test("who reads one folder after the other does not wait for a paused one", async () => {
  const { client, memory, ends } = await reading();
  const waiting = memory.readUnlessPaused(client);
  await memory.pause(client);
  await waiting;
  expect(memory.facts.value.state).toBe("paused");
  ends[0]?.();
  await vi.waitFor(() => expect(memory.facts.value.state).toBe("ready"));
});

test("a reading that was stopped is not shown as one, though its last progress comes after that", async () => {
  const ingest = async (_: unknown, { signal, onProgress }: CallContext) => {
    onProgress(download);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    onProgress(download);
    signal.throwIfAborted();
    return INGESTED;
  };
  const { client, memory } = await reading({ ingest });
  const all = memory.read(client);
  await vi.waitFor(() => expect(memory.facts.value.meter).toBeDefined());
  memory.reset();
  await all;
  expect(memory.facts.value).toMatchObject({ state: "ready", meter: undefined });
});

/** A reading that fails at once, while the engine says of the folder what it says in `state` as late as can be. */
async function failedReading(state: "empty" | "ready") {
  const noModel = new RepoMemoryError("model-not-found", { message: "There is no model on this machine yet." });
  const figures = Promise.withResolvers<void>();
  const client = await servedEngine({
    ingest: () => Promise.reject(noModel),
    status: (folder) => figures.promise.then(() => ({ ...statusOf(folder), state })),
  });
  const memory = new FolderMemory(FOLDER, english);
  const all = memory.read(client);
  // An answer to this is behind the one to the reading.
  await client.files(FOLDER);
  figures.resolve();
  await all;
  await client.files(FOLDER);
  return { client, memory, failed: { state: "failed", error: { message: noModel.message, action: "download" } } };
}

test("figures that come late do not hide why a folder could not be read", async () => {
  const { memory, failed } = await failedReading("ready");
  expect(memory.facts.value).toMatchObject(failed);
});

test("why nothing could be read is still to be seen when a question has failed, too, until the folder is forgotten", async () => {
  const { client, memory, failed } = await failedReading("empty");
  memory.progress(download);
  await memory.refresh(client);
  expect(memory.facts.value).toMatchObject({ ...failed, meter: undefined });
  memory.reset();
  await memory.refresh(client);
  expect(memory.facts.value).toMatchObject({ state: "unread", error: undefined });
});
