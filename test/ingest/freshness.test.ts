import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { CatchUp } from "../../engine/ingest/catch-up.ts";
import { Ingestor } from "../../engine/ingest/ingestor.ts";
import type { CallContext } from "../../engine/protocol/requests.ts";
import type { Store } from "../../engine/store/store.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";
import { StandInEncoder } from "../support/stand-in-encoder.ts";
import { ingest, lines, setUp } from "./ingest-setup.ts";

const quiet = (signal = new AbortController().signal): CallContext => ({ signal, onProgress: () => undefined });

function catchUpOf(ingestor: Ingestor, log: string[] = []): CatchUp {
  return new CatchUp(ingestor, (line) => log.push(line), new AbortController().signal);
}

/** The text of the live blocks, joined. */
function textOf(store: Store): string {
  return store.read((blocks) => blocks.placed().map(({ id }) => blocks.text(id) ?? "")).join("");
}

/** A new process with the same store: nothing is known of the folder's state. */
function reopened(
  folder: string,
  store: Store,
  encoder = new StandInEncoder(),
): { ingestor: Ingestor; encoder: StandInEncoder } {
  return { ingestor: new Ingestor({ folder, store, encoder }), encoder };
}

describe("the first question in a process", () => {
  test("finds what changed, appeared and went since the last one", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": lines("old", 300), "b.ts": "b\n", "c.ts": "c\n" });
    await ingest(ingestor);
    writeFile(folder, "a.ts", lines("old", 300).replace("old line 150", "new line 150"));
    writeFile(folder, "d.ts", "appeared\n");
    rmSync(join(folder, "c.ts"));
    const later = reopened(folder, store);
    await catchUpOf(later.ingestor).beforeQuestion(quiet());
    expect(textOf(store)).toContain("new line 150");
    expect(textOf(store)).not.toContain("old line 150\n");
    expect(store.files().map(({ path }) => path)).toEqual(["a.ts", "b.ts", "d.ts"]);
    // Only what the change touched: one or two segments of at most 512 tokens.
    expect(later.encoder.encodedTokens).toBeLessThan(1_100);
    expect(later.ingestor.coverage().tokens).toBe(later.ingestor.coverage().of);
    await catchUpOf(later.ingestor).beforeQuestion(quiet());
    await later.ingestor.close();
  });

  test("does not wait for much that is new: it says how much is read, and the reading goes on", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": lines("a", 100) });
    await ingest(ingestor);
    for (let i = 0; i < 40; i++) writeFile(folder, `new/f${i}.ts`, lines(`f${i}`, 120));
    writeFile(folder, "a.ts", lines("changed", 100));
    const later = reopened(folder, store);
    await catchUpOf(later.ingestor).beforeQuestion(quiet());
    expect(textOf(store)).toContain("changed line 0");
    expect(textOf(store)).not.toContain("a line 0");
    const { tokens, of } = later.ingestor.coverage();
    expect(tokens / of).toBeGreaterThan(0);
    expect(tokens / of).toBeLessThan(0.5);
    await later.ingestor.settled();
    expect(store.files()).toHaveLength(41);
    expect(later.ingestor.coverage().of).toBe(store.totals().tokens);
    await later.ingestor.close();
  });

  test("reads a folder that was never read, unless the one who asked gives up", async () => {
    const { store, ingestor } = setUp({ "a.ts": lines("a", 3_000) });
    const stopping = new AbortController();
    const catchUp = catchUpOf(ingestor);
    const first = catchUp.beforeQuestion(quiet(stopping.signal));
    stopping.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    await ingestor.settled();
    expect(store.files()).toEqual([]);
    await catchUp.beforeQuestion(quiet());
    expect(store.files()).toHaveLength(1);
  });

  test("of two that wait for the same reading one may give up", async () => {
    const { store, ingestor } = setUp({ "a.ts": lines("a", 1_000) });
    const stopping = new AbortController();
    const catchUp = catchUpOf(ingestor);
    const first = catchUp.beforeQuestion(quiet(stopping.signal));
    const second = catchUp.beforeQuestion(quiet());
    stopping.abort();
    await expect(first).rejects.toMatchObject({ code: "cancelled" });
    await second;
    expect(store.files()).toHaveLength(1);
  });

  test("while a reading goes on, one that nobody tells of changes finds those behind it", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": lines("old", 60) });
    await ingest(ingestor);
    for (let i = 0; i < 40; i++) writeFile(folder, `new/f${i}.ts`, lines(`f${i}`, 120));
    const catchUp = catchUpOf(ingestor);
    await catchUp.beforeQuestion(quiet(), true);
    expect(ingestor.isReading).toBe(true);
    writeFile(folder, "a.ts", lines("changed", 60));
    await catchUp.beforeQuestion(quiet(), true);
    expect(ingestor.isReading).toBe(true);
    expect(textOf(store)).toContain("changed line 0");
    expect(textOf(store)).not.toContain("old line 0");
    await ingestor.settled();
  });

  test("starts no program that the folder's own settings name", async () => {
    const { folder, ingestor } = setUp({ "a.ts": "a\n" });
    const started = join(temporaryFolder(), "started");
    const program = join(temporaryFolder({ "program.sh": `#!/bin/sh\ntouch ${started}\n` }), "program.sh");
    chmodSync(program, 0o700);
    const git = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { stdio: "ignore" });
    git("init");
    git("add", ".");
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "a");
    const commit = execFileSync("git", ["-C", folder, "cat-file", "commit", "HEAD"], { encoding: "utf8" });
    const signed = commit.replace(
      "\n\n",
      "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n",
    );
    const hash = execFileSync("git", ["-C", folder, "hash-object", "-t", "commit", "-w", "--stdin"], {
      input: signed,
      encoding: "utf8",
    });
    git("reset", "--soft", hash.trim());
    for (const [key, value] of [
      ["gpg.program", program],
      ["log.showSignature", "true"],
      ["core.fsmonitor", program],
      ["core.sshCommand", program],
    ] as const)
      git("config", key, value);
    rmSync(started, { force: true });
    execFileSync("git", ["-C", folder, "log", "-n", "1"], { stdio: "ignore" });
    expect(existsSync(started)).toBe(true); // the trap works
    rmSync(started);
    await ingest(ingestor);
    expect(existsSync(started)).toBe(false);
  });

  test("is answered from what is there when the rest cannot be read", async () => {
    const { folder, store, ingestor } = setUp({ "a.ts": "a\n" });
    await ingest(ingestor);
    writeFile(folder, "a.ts", "changed\n");
    writeFile(folder, "b.ts", "b\n");
    const broken = new StandInEncoder({ onEncode: () => Promise.reject(new Error("no memory")) });
    const later = reopened(folder, store, broken);
    const log: string[] = [];
    await catchUpOf(later.ingestor, log).beforeQuestion(quiet());
    expect(log.join()).toContain("no memory");
    // What the changed file said before must not be answered from either.
    expect(textOf(store)).not.toContain("a\n");
    await later.ingestor.close();
  });
});

describe("a change", () => {
  test("is in memory before the next question, also while a reading is at work or paused", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `f${String(i).padStart(2, "0")}.ts`);
    const { ingestor, store } = setUp(Object.fromEntries(names.map((name) => [name, lines(name, 200)])), {
      batchTokens: 512,
      onEncode: () => started.resolve(),
    });
    const started = Promise.withResolvers<void>();
    const reading = ingest(ingestor);
    await started.promise;
    const catchUp = catchUpOf(ingestor);
    for (const [round, pauses] of [false, true].entries()) {
      if (pauses) ingestor.pause();
      await ingestor.changed([{ path: "f29.ts", text: `typed in round ${round}\n` }]);
      await catchUp.beforeQuestion(quiet());
      expect(textOf(store)).toContain(`typed in round ${round}`);
      expect(ingestor.coverage().tokens).toBeLessThan(ingestor.coverage().of);
    }
    expect(textOf(store)).not.toContain("typed in round 0");
    ingestor.resume();
    expect((await reading).files).toBe(30);
  });

  test("waits for no more than the batch in work, and shares none with what is not urgent", async () => {
    const order: string[][] = [];
    const { ingestor } = setUp(
      { "a.ts": lines("a", 1_000), "b.ts": lines("b", 1_000) },
      {
        batchTokens: 512,
        onEncode: async (inputs) => {
          order.push(inputs.map(({ segment }) => segment.blocks[0]?.text.split(" ")[0] ?? ""));
          if (order.length === 2) await ingestor.changed([{ path: "c.ts", text: "typed\n" }]);
        },
      },
    );
    await ingest(ingestor);
    expect(order[2]).toEqual(["typed\n"]);
  });

  test("does not wait for an answer that is being written", async () => {
    const answering = Promise.withResolvers<void>();
    const { ingestor, store } = setUp({ "a.ts": lines("a", 100) }, { idle: () => answering.promise });
    const reading = ingest(ingestor);
    await ingestor.changed([{ path: "b.ts", text: "typed\n" }]);
    await ingestor.fresh(new AbortController().signal);
    expect(textOf(store)).toBe("typed\n");
    answering.resolve();
    await reading;
    expect(store.files()).toHaveLength(2);
  });

  test("outlives a reading that is cancelled", async () => {
    const stopping = new AbortController();
    const { ingestor, store } = setUp(
      { "a.ts": lines("a", 2_000) },
      {
        batchTokens: 512,
        onEncode: async () => {
          if (stopping.signal.aborted) return;
          stopping.abort();
          await ingestor.changed([{ path: "b.ts", text: "typed\n" }]);
        },
      },
    );
    await expect(ingest(ingestor, undefined, stopping.signal)).rejects.toMatchObject({ code: "cancelled" });
    await ingestor.fresh(new AbortController().signal);
    expect(textOf(store)).toBe("typed\n");
  });

  test("of very much takes the old text out of memory rather than keep a question waiting", async () => {
    const { ingestor, store } = setUp({ "a.ts": lines("old", 100), "b.ts": "b\n" }, { maxFileBytes: 2 ** 24 });
    await ingest(ingestor);
    await ingestor.changed([{ path: "a.ts", text: lines("changed", 3_000) }]);
    await ingestor.fresh(new AbortController().signal);
    expect(textOf(store)).toBe("b\n");
    expect(ingestor.coverage().tokens).toBeLessThan(ingestor.coverage().of);
  });
});

test("what is open is read first, then what it imports, then the rest", async () => {
  const order: string[] = [];
  const file = (name: string, imports = "") => `${name} ${imports}\n${lines(name, 60)}`;
  const rest = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`a${i}.ts`, file(`a${i}`)]));
  const { folder, store, encoder } = setUp(
    {
      ...rest,
      "z/open.ts": file("open", 'import "./near.ts"'),
      "z/near.ts": file("near", 'import "../y/far.ts"'),
      "y/far.ts": file("far"),
    },
    {
      batchTokens: 512,
      onEncode: (inputs) =>
        void order.push(...inputs.map(({ segment }) => segment.blocks[0]?.text.split(" ")[0] ?? "")),
    },
  );
  const ingestor = new Ingestor({ folder, store, encoder });
  await ingestor.ingest(quiet(), ["z/open.ts", "not/there.ts"]);
  const first = [...new Set(order.map((word) => word.trim()))];
  expect(first.indexOf("open")).toBe(0);
  // Some files are always cut ahead, so that batches can be filled.
  expect(first.indexOf("near")).toBeLessThan(12);
  expect(first.indexOf("far")).toBeLessThan(20);
  expect(first).toHaveLength(33);
});

test("switching branches costs what is new; switching back costs nothing", { timeout: 60_000 }, async () => {
  const main = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i}.ts`, lines(`f${i}`, 150)]));
  const { folder, store, encoder } = setUp(main);
  const git = (...parameters: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@t", ...parameters], { stdio: "pipe" });
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-qm", "one");
  git("checkout", "-qb", "other");
  writeFile(folder, "f3.ts", lines("f3", 150).replace("f3 line 70", "changed here"));
  writeFile(folder, "added.ts", lines("added", 20));
  rmSync(join(folder, "f5.ts"));
  git("add", "-A");
  git("commit", "-qm", "two");
  git("checkout", "-q", "main");
  const read = async () => (await new Ingestor({ folder, store, encoder }).ingest(quiet())).encodedTokens;
  const all = await read();
  git("checkout", "-q", "other");
  const other = await read();
  expect(other).toBeGreaterThan(0);
  expect(other).toBeLessThan(all / 8);
  expect(textOf(store)).toContain("changed here");
  git("checkout", "-q", "main");
  expect(await read()).toBe(0);
  expect(textOf(store)).not.toContain("changed here");
  git("checkout", "-q", "other");
  expect(await read()).toBe(0);
});
