import { join } from "node:path";

import Database from "better-sqlite3";
import { describe, expect, onTestFinished, test } from "vitest";

import { encodeBlock } from "../../engine/blocks/block-codec.ts";
import { BlockPool } from "../../engine/blocks/block-pool.ts";
import type { BlockRef } from "../../engine/blocks/block-pool.ts";
import { ColdTier } from "../../engine/blocks/cold-tier.ts";
import { RamTier } from "../../engine/blocks/ram-tier.ts";
import { Store } from "../../engine/store/store.ts";
import { temporaryFolder } from "../support/folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { emptyKv } from "../support/stand-in-encoder.ts";

const SHAPE = { layers: 1, kvHeads: 1, headDim: 8 };
const BLOB = encodeBlock("int8", emptyKv(SHAPE, 4), SHAPE, 0, 4);
const BYTES = BLOB.byteLength;

/** A store of one segment with `count` blocks, and the blocks' ids. */
function storeOf(count: number): { store: Store; refs: BlockRef[]; log: string[] } {
  const log: string[] = [];
  const store = new Store(join(temporaryFolder(), "store.sqlite"), (line) => log.push(line));
  onTestFinished(() => store.close());
  const block = {
    text: "text",
    tokens: 4,
    startLine: 0,
    endLine: 0,
    codec: "int8",
    kv: BLOB,
    index: BLOB,
    indexVersion: "",
  };
  const header = { key: "header", tokens: 4, codec: "int8", kv: BLOB };
  const file = { path: "f", contentHash: "hash", size: 1, mtimeNs: 1n };
  store.commit(
    [{ key: "key", header, blocks: Array.from({ length: count }, () => block) }],
    [{ file, segments: [{ key: "key", startLine: 1 }], words: () => [] }],
  );
  return {
    store,
    log,
    refs: store.read((blocks) => blocks.placed()).map(({ id, header: of }) => ({ id, header: of })),
  };
}

function poolOf(store: Store, blobs: number, maxLeaseBlocks: number, log: string[] = []): BlockPool {
  const cold = new ColdTier(store, SHAPE, (line) => log.push(line));
  return new BlockPool(cold, { ramBytes: blobs * BYTES, maxLeaseBlocks, blockBytes: BYTES });
}

describe("a pool", () => {
  test("leases blocks with their headers, and again after they were evicted", () => {
    const { store, refs } = storeOf(6);
    const pool = poolOf(store, 4, 2);
    for (const pair of [refs.slice(0, 2), refs.slice(2, 4), refs.slice(4), refs.slice(0, 2)]) {
      const lease = pool.lease(pair);
      expect([...lease.blocks.keys()]).toEqual(pair.map(({ id }) => id));
      for (const blob of [...lease.blocks.values(), ...lease.headers.values()])
        expect(Buffer.from(blob).equals(BLOB)).toBe(true);
      expect(lease.headers.size).toBe(1);
      expect(lease.missing).toEqual([]);
      lease[Symbol.dispose]();
      lease[Symbol.dispose]();
    }
  });

  test("refuses at construction what a look-up could not fit, and more than it was made for", () => {
    const { store, refs } = storeOf(3);
    expect(() => poolOf(store, 3, 2)).toThrow(expect.objectContaining({ code: "usage" }));
    expect(() => poolOf(store, 4, 2).lease(refs)).toThrow(RangeError);
  });

  test("never evicts a leased block: what does not fit beside it is refused and leaves nothing leased", () => {
    const { store, refs } = storeOf(6);
    const pool = poolOf(store, 4, 2);
    const first = pool.lease(refs.slice(0, 2));
    expect(() => pool.lease(refs.slice(2, 4))).toThrow(expect.objectContaining({ code: "out-of-memory" }));
    expect(pool.lease(refs.slice(2, 3)).blocks.size).toBe(1);
    first[Symbol.dispose]();
    expect(pool.lease(refs.slice(4)).blocks.size).toBe(2);
  });

  test("serves an admitted block without the store", () => {
    const { store, refs } = storeOf(1);
    const pool = poolOf(store, 4, 2);
    pool.admit(999, BLOB);
    expect(pool.lease([{ id: 999, header: refs[0]?.header ?? 0 }]).blocks.get(999)).toBe(BLOB);
  });

  test("leaves out what is gone or damaged, and drops it so that it is encoded again", () => {
    const { store, refs } = storeOf(2);
    const raw = new Database(store.path);
    raw.prepare("UPDATE block_kv SET data = zeroblob(length(data)) WHERE block = ?").run(refs[0]?.id);
    raw.close();
    const log: string[] = [];
    const [damaged, other] = refs;
    if (damaged === undefined || other === undefined) throw new Error("two blocks were stored");
    const lease = poolOf(store, 8, 3, log).lease([damaged, { ...other, id: 12_345 }]);
    expect(lease.missing).toEqual([damaged.id, 12_345]);
    expect(lease.blocks.size).toBe(0);
    expect(log).toEqual([expect.stringContaining("RMKV")]);
    expect(store.hasSegment("key")).toBe(false);
    expect(store.file("f")?.contentHash).toBe("");
  });

  test("a damaged header takes its segments along", () => {
    const { store, refs } = storeOf(2);
    const raw = new Database(store.path);
    raw.exec("UPDATE headers SET data = x'00'");
    raw.close();
    expect(poolOf(store, 8, 3).lease(refs).missing).toEqual(refs.map(({ id }) => id));
    expect(store.hasSegment("key")).toBe(false);
  });
});

test("random use of the RAM tier never passes its capacity, loses a leased blob or keeps the wrong one", () => {
  const random = seededRandom(1);
  const tier = new RamTier(1_000);
  const leases: string[] = [];
  for (let step = 0; step < 5_000; step++) {
    const key = String(randomInteger(random, 30));
    const operation = randomInteger(random, 3);
    if (operation === 0) tier.put(key, new Uint8Array(randomInteger(random, 300)).fill(Number(key)));
    else if (operation === 1) {
      const blob = tier.lease(key);
      if (blob !== undefined) leases.push(key);
      expect(blob?.every((byte) => byte === Number(key)) ?? true).toBe(true);
    } else if (leases.length > 5) tier.release(leases.splice(randomInteger(random, leases.length), 1)[0] ?? "");
    expect(tier.used).toBeLessThanOrEqual(1_000);
    expect(leases.every((leased) => tier.has(leased))).toBe(true);
  }
  expect(() => tier.release("never")).toThrow("not leased");
});
