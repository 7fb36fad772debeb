/** The strategy `longmem`: a bank of one layer's keys and values, searched for every token and read by a side network. */
import type { KvShape } from "../blocks/block.ts";
import { decodeBlock, extractLayer } from "../blocks/block-codec.ts";
import { ColdTier } from "../blocks/cold-tier.ts";
import { LongMemModel } from "../inference/longmem-state.ts";
import { BlockRestorer } from "../ingest/restore-blocks.ts";
import type { BlockSlots } from "../memory/block-window.ts";
import { longMemWeights } from "../memory/longmem-weights.ts";
import { type BankBlock, MemoryBank } from "../memory/memory-bank.ts";
import type { MemoryStrategy } from "../memory/memory-strategy.ts";
import { openStrategyWeights, type StrategyWeights } from "../models/strategy-weights.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { AnswerEvent, AskParams } from "../protocol/requests.ts";
import type { Feeds } from "../runtime/session.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import { answer } from "./answer.ts";
import type { StrategyOptions } from "./strategy-options.ts";

/** Largest bank: SmolLM2-135M's keys and values of so many tokens take 0.4 GB of RAM. */
const MOST_TOKENS = 262_144;
/** Blocks that are copied into the bank between two writes. */
const COPIED_BLOCKS = 128;

/** Times that a bank is filled anew because files changed meanwhile. */
const MOST_ATTEMPTS = 16;

/** A folder's bank, until the folder changes. */
interface FilledBank {
  generation: number;
  feeds: Feeds;
  tokens: number;
  /** Which rows of the bank are which block's. */
  slots: BlockSlots[];
}

export class LongMemStrategy implements MemoryStrategy {
  private readonly options: StrategyOptions;
  private readonly find: () => Promise<StrategyWeights>;
  private opening: Promise<LongMemModel> | undefined;
  private filled: FilledBank | undefined;

  /** @param find gets the weights, by default those that come with the program */
  constructor(options: StrategyOptions, find = () => openStrategyWeights("longmem", options.model.hash)) {
    this.options = options;
    this.find = find;
  }

  /** Sources are what the last reader of the side network attended to while the answer was written. */
  async *ask(params: AskParams, started: number, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const { model, prompt } = this.options;
    const opened = await this.open();
    const before = performance.now();
    const { feeds, slots, tokens } = await this.bank(signal);
    const state = opened.begin(feeds);
    await state.read(prompt.prefix, signal);
    const { bankLayer } = opened.weights;
    const filled = {
      state,
      slots,
      sourceHeads: Array.from({ length: model.config.heads }, (_, head) => ({ layer: bankLayer, head })),
      chosen: [],
      opensFence: false,
      readTokens: tokens,
      lookupMs: performance.now() - before,
    };
    yield* answer(model, prompt, params, started, filled, signal);
  }

  /**
   * The bank of exactly what the store's files say now.
   * @throws RepoMemoryError "usage" for a folder that is too large, "store-failed" for one that does not come to rest
   */
  async bank(signal: AbortSignal): Promise<FilledBank> {
    const { store } = this.options;
    const { weights } = await this.open();
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const generation = store.generation();
      if (this.filled?.generation === generation) return this.filled;
      // The old bank is let go of first: two would take twice the RAM.
      this.filled = undefined;
      await this.copyBlocks(weights.bankLayer, signal);
      const bank = this.fill(weights);
      if (bank && store.generation() === generation) return (this.filled = { generation, ...bank });
    }
    throw new RepoMemoryError("store-failed", {
      message: "The folder's memory changed each time that its bank was filled.",
      remedy: "Ask again when the folder is at rest.",
    });
  }

  async close(): Promise<void> {
    this.filled = undefined;
    const opened = await this.opening?.catch(() => undefined);
    this.opening = undefined;
    await opened?.close();
  }

  private open(): Promise<LongMemModel> {
    const { model, threads } = this.options;
    this.opening ??= this.find().then((stored) =>
      LongMemModel.open(model, longMemWeights(stored, model.config), threads),
    );
    this.opening.catch(() => (this.opening = undefined));
    return this.opening;
  }

  /** Copies one layer of every live block that the bank lacks; blocks whose keys and values were evicted are encoded again. */
  private async copyBlocks(layer: number, signal: AbortSignal): Promise<void> {
    const { store, encoder, log } = this.options;
    const cold = new ColdTier(store, encoder.shape, log);
    const restorer = new BlockRestorer(store, encoder);
    for (let last = ""; ;) {
      const missing = store.bank.missing(layer, COPIED_BLOCKS);
      // A damaged block was dropped, and is not live any more: the same ones twice would never end.
      if (missing.length === 0 || missing.join() === last) return;
      last = missing.join();
      signal.throwIfAborted();
      await restorer.restore(missing, signal);
      const entries = missing.flatMap((block) => {
        const blob = cold.block(block);
        return blob ? [{ block, data: extractLayer(blob, encoder.shape, layer) }] : [];
      });
      store.bank.put(layer, entries);
      await store.ready();
    }
  }

  /** Undefined where a block went away meanwhile. */
  private fill({ bankLayer, chunk, retrieved }: LongMemModel["weights"]): Omit<FilledBank, "generation"> | undefined {
    const { store, encoder } = this.options;
    const blocks = eachOnce(store.read((reader) => reader.placed()));
    const tokens = blocks.reduce((sum, block) => sum + block.tokens, 0);
    if (tokens > MOST_TOKENS) throw tooLarge(tokens);
    const ids = blocks.map(({ id }) => id);
    const entries = store.bank.read(bankLayer, ids).filter((entry) => entry !== undefined);
    if (entries.length < ids.length) return undefined;
    const layout = { chunk, leastChunks: retrieved / chunk };
    const sizes = blocks.map((block) => block.tokens);
    const bank = new MemoryBank(encoder.shape, layout, sizes, decoded(entries, sizes, encoder.shape));
    const slots = blocks.map((block, i) => {
      const from = bank.starts[i] ?? 0;
      return { block, from, to: from + block.tokens };
    });
    return { feeds: bank.feeds(), tokens, slots };
  }
}

/** Text that occurs twice under one header is one block with two places: the first counts. */
function eachOnce(blocks: readonly PlacedBlock[]): PlacedBlock[] {
  return [...new Map(blocks.toReversed().map((block) => [block.id, block])).values()].toReversed();
}

function* decoded(entries: readonly Uint8Array[], sizes: readonly number[], shape: KvShape): Generator<BankBlock> {
  const width = shape.kvHeads * shape.headDim;
  for (const [i, entry] of entries.entries()) {
    const tokens = sizes[i] ?? 0;
    const [keys, values] = [new Float32Array(tokens * width), new Float32Array(tokens * width)];
    decodeBlock(entry, { ...shape, layers: 1 }, { keys: [keys], values: [values] }, 0);
    yield { keys, values, tokens };
  }
}

function tooLarge(tokens: number): RepoMemoryError {
  return new RepoMemoryError("usage", {
    message: `The folder has ${tokens} tokens; the strategy "longmem" keeps at most ${MOST_TOKENS} in its bank.`,
    meaning: "The whole bank is in RAM while a question is answered.",
    remedy: `Ask with the strategy "infllm", or about a smaller folder.`,
  });
}
