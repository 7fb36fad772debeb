/** The strategy `infini`: a compressive memory of constant size, kept in the store, read by trained layers. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { BLOCK_TOKENS, type KvShape, type LayerKv } from "../blocks/block.ts";
import { decodeBlock } from "../blocks/block-codec.ts";
import { ColdTier } from "../blocks/cold-tier.ts";
import { InfiniModel } from "../inference/infini-state.ts";
import { BlockRestorer } from "../ingest/restore-blocks.ts";
import { CompressiveMemory, ShareMaker } from "../memory/compressive-memory.ts";
import { infiniWeights } from "../memory/infini-weights.ts";
import type { MemoryStrategy } from "../memory/memory-strategy.ts";
import { openStrategyWeights, type StrategyWeights } from "../models/strategy-weights.ts";
import type { AnswerEvent, AskParams } from "../protocol/requests.ts";
import type { SegmentBlock } from "../store/infini-table.ts";
import { answer } from "./answer.ts";
import type { StrategyOptions } from "./strategy-options.ts";

/** Segments that are folded in between two writes: what a kill loses is a few seconds' work. */
const SAVED_SEGMENTS = 256;

/** What the first question loads. */
interface Opened {
  /** Names what sums depend on besides the blocks. */
  version: string;
  shares: ShareMaker;
  model: InfiniModel;
}

export class InfiniStrategy implements MemoryStrategy {
  private readonly options: StrategyOptions;
  private readonly find: () => Promise<StrategyWeights>;
  private opening: Promise<Opened> | undefined;
  private known: { generation: number; memory: CompressiveMemory } | undefined;

  /** @param find gets the weights, by default those that come with the program */
  constructor(options: StrategyOptions, find = () => openStrategyWeights("infini", options.model.hash)) {
    this.options = options;
    this.find = find;
  }

  /** Names no sources: a sum over all files does not tell which of them an answer came from. */
  async *ask(params: AskParams, started: number, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const { model, prompt, store } = this.options;
    const opened = await this.open();
    const before = performance.now();
    const memory = await this.memory(signal);
    const state = await opened.model.state(prompt.prefix, memory);
    const { tokens: readTokens } = store.totals();
    const filled = { state, slots: [], chosen: [], readTokens, lookupMs: performance.now() - before };
    yield* answer(model, prompt, params, started, filled, signal);
  }

  /** The memory of exactly what the store's files say now. */
  async memory(signal: AbortSignal): Promise<CompressiveMemory> {
    const { store } = this.options;
    const opened = await this.open();
    for (;;) {
      const generation = store.generation();
      if (this.known?.generation === generation) return this.known.memory;
      const memory = await new MemoryUpdate(this.options, opened).run(signal);
      if (memory) this.known = { generation, memory };
    }
  }

  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    this.opening = undefined;
    await opened?.shares.close();
    await opened?.model.close();
  }

  private open(): Promise<Opened> {
    this.opening ??= openInfini(this.options, this.find);
    this.opening.catch(() => (this.opening = undefined));
    return this.opening;
  }
}

async function openInfini({ model, threads }: StrategyOptions, find: () => Promise<StrategyWeights>): Promise<Opened> {
  const stored = await find();
  const weights = infiniWeights(stored, model.config);
  const version = createHash("sha256")
    .update(await readFile(stored.path))
    .digest("hex");
  const shares = await ShareMaker.open(model.config, weights, threads);
  try {
    return { version, shares, model: await InfiniModel.open(model, weights, threads) };
  } catch (error) {
    await shares.close();
    throw error;
  }
}

/** Brings the stored memory to what the files are made of now. */
class MemoryUpdate {
  private readonly options: StrategyOptions;
  private readonly opened: Opened;
  private readonly cold: ColdTier;
  private readonly restorer: BlockRestorer;
  private readonly scratch: LayerKv;

  constructor(options: StrategyOptions, opened: Opened) {
    const { store, encoder, log } = options;
    this.options = options;
    this.opened = opened;
    this.cold = new ColdTier(store, encoder.shape, log);
    this.restorer = new BlockRestorer(store, encoder);
    this.scratch = emptyKv(encoder.shape, encoder.maxSegmentTokens + BLOCK_TOKENS);
  }

  /** The memory as it is now; undefined where another process wrote at the same time, or a block was damaged: then try again. */
  async run(signal: AbortSignal): Promise<CompressiveMemory | undefined> {
    const { store, encoder } = this.options;
    const { version, shares } = this.opened;
    const table = store.infini;
    const stored = table.load(version);
    const live = table.live();
    const changes = changedCopies(stored.held, live);
    const isGone = (segment: number) => table.blocksOf(segment).length === 0;
    // What was pruned cannot be taken out any more: the sum is made anew of what is left.
    const isAnew = [...changes].some(([segment, { by }]) => by < 0 && isGone(segment));
    const sums = stored.sums && !isAnew ? floatsOf(stored.sums) : undefined;
    const memory = new CompressiveMemory(shares.layers, encoder.shape, sums);
    const held = new Map<number, number>();
    if (isAnew) for (const segment of stored.held.keys()) held.set(segment, 0);
    let { revision } = stored;
    let unsaved = 0;
    for (const [segment, { by, to }] of isAnew ? changedCopies(new Map(), live) : changes) {
      signal.throwIfAborted();
      const blocks = table.blocksOf(segment);
      const tokens = await this.load(blocks, signal);
      if (tokens === undefined) return undefined;
      memory.add(await shares.share(this.scratch, tokens, encoder.shape), by);
      held.set(segment, to);
      // A sum that is made anew is only written whole: until then the old one tells what is in it.
      if (++unsaved < SAVED_SEGMENTS || isAnew) continue;
      if (!table.save(version, { revision, sums: bytesOf(memory.sums), held })) return undefined;
      held.clear();
      revision++;
      unsaved = 0;
    }
    if (held.size > 0 && !table.save(version, { revision, sums: bytesOf(memory.sums), held })) return undefined;
    return memory;
  }

  /** Decodes a segment's blocks one behind the other; returns how many tokens. */
  private async load(blocks: readonly SegmentBlock[], signal: AbortSignal): Promise<number | undefined> {
    await this.restorer.restore(
      blocks.map(({ id }) => id),
      signal,
    );
    let tokens = 0;
    for (const { id } of blocks) {
      const blob = this.cold.block(id);
      if (!blob) return undefined;
      tokens += decodeBlock(blob, this.options.encoder.shape, this.scratch, tokens);
    }
    return tokens;
  }
}

/** Of each segment whose number of copies changed, by how many and to how many. */
function changedCopies(held: ReadonlyMap<number, number>, live: ReadonlyMap<number, number>) {
  const changes = new Map<number, { by: number; to: number }>();
  for (const segment of new Set([...held.keys(), ...live.keys()])) {
    const to = live.get(segment) ?? 0;
    const by = to - (held.get(segment) ?? 0);
    if (by !== 0) changes.set(segment, { by, to });
  }
  return changes;
}

function emptyKv({ layers, kvHeads, headDim }: KvShape, rows: number): LayerKv {
  const make = () => Array.from({ length: layers }, () => new Float32Array(rows * kvHeads * headDim));
  return { keys: make(), values: make() };
}

function bytesOf(sums: Float64Array): Uint8Array {
  return new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength);
}

/** A copy: SQLite's driver hands out bytes at any address. */
function floatsOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(new Uint8Array(bytes).buffer);
}
