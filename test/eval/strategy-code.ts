/**
 * How well held-out code is predicted with each strategy's memory of what stands before it in its project. All predict the same tokens, a
 * stored segment, behind the same local window: prefix and file header. Before it:
 * - infllm: the blocks that the engine's look-up and its budget choose among the memory's, asked with the last tokens before the segment;
 * - infini: the sum of the shares of the memory's segments;
 * - longmem: the bank of the memory's blocks;
 * - plain: all of the memory as text, each file behind its header;
 * - none: nothing.
 * InfLLM, plain and none run in the int8 graph that reads prompts; infini and longmem have graphs of their own, over the weights that decode.
 */
import { chooseBlocks } from "../../engine/answer/choose-blocks.ts";
import { WindowFiller } from "../../engine/answer/fill-window.ts";
import { LookUp } from "../../engine/answer/look-up.ts";
import type { KvShape, LayerKv } from "../../engine/blocks/block.ts";
import { decodeBlock } from "../../engine/blocks/block-codec.ts";
import { ColdTier } from "../../engine/blocks/cold-tier.ts";
import type { AttentionWindow } from "../../engine/inference/attention-window.ts";
import { InfiniModel } from "../../engine/inference/infini-state.ts";
import { LongMemModel } from "../../engine/inference/longmem-state.ts";
import { BlockRestorer } from "../../engine/ingest/restore-blocks.ts";
import type { LoadedModel } from "../../engine/loaded-model.ts";
import { CompressiveMemory, ShareMaker } from "../../engine/memory/compressive-memory.ts";
import { infiniWeights } from "../../engine/memory/infini-weights.ts";
import { longMemWeights } from "../../engine/memory/longmem-weights.ts";
import { openStrategyWeights } from "../../engine/models/strategy-weights.ts";
import type { PlacedBlock } from "../../engine/store/block-reader.ts";
import type { Store } from "../../engine/store/store.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { bankOf } from "../support/longmem-banks.ts";
import { nats } from "../support/nats.ts";
import { type Estimate, mean } from "./intervals.ts";
import { type HeldOutSegment, lastOf, LongMemProjects } from "./longmem-projects.ts";
import type { EvalSession } from "./open-eval.ts";
import type { Compared } from "./strategy-answers.ts";

/** Tokens in memory, the last ones before the segment in its project: so few that plain attention holds all of them. */
const MEMORY_TOKENS = 4_096;
/** Of the text that InfLLM's look-up goes by. */
const ASKED_TOKENS = 64;

type Condition = Compared | "none";

/** Means over segments. */
export interface CodeFigures {
  bitsAToken: Estimate;
  perplexity: number;
  /** Bits a token that it saves against nothing before the segment, segment by segment. */
  savedBits: Estimate;
}

/** Predicts `count` segments of each held-out project. */
export async function strategyCode(
  session: EvalSession,
  options: BenchOptions,
  count: number,
): Promise<Record<Condition, CodeFigures>> {
  const predictor = await Predictor.open(session, options);
  const rows: Record<Condition, number>[] = [];
  try {
    for (const segment of predictor.projects.segments(count)) {
      rows.push(await predictor.bits(segment));
      options.tell(`${segment.project}, bits a token: ${JSON.stringify(rows.at(-1))}`);
    }
  } finally {
    await predictor.close();
  }
  const figures = (condition: Condition): CodeFigures => {
    const bitsAToken = mean(rows.map((row) => row[condition]));
    const savedBits = mean(rows.map((row) => row.none - row[condition]));
    return { bitsAToken, perplexity: 2 ** bitsAToken.value, savedBits };
  };
  const [infllm, infini, longmem] = [figures("infllm"), figures("infini"), figures("longmem")];
  return { infllm, infini, longmem, plain: figures("plain"), none: figures("none") };
}

/** What chooses and places the blocks of one store. */
interface Reader {
  lookUp: LookUp;
  filler: WindowFiller;
}

/** The models of all strategies, and what stands before segments. */
class Predictor {
  readonly projects: LongMemProjects;
  private readonly loaded: LoadedModel;
  private readonly threads: number;
  private readonly infini: { model: InfiniModel; shares: ShareMaker };
  private readonly longMem: LongMemModel;
  private readonly readers = new Map<Store, Reader>();

  private constructor(
    { loaded }: EvalSession,
    threads: number,
    projects: LongMemProjects,
    infini: Predictor["infini"],
    longMem: LongMemModel,
  ) {
    this.loaded = loaded;
    this.threads = threads;
    this.projects = projects;
    this.infini = infini;
    this.longMem = longMem;
  }

  static async open(session: EvalSession, options: BenchOptions): Promise<Predictor> {
    const { model } = session.loaded;
    const { threads } = options;
    const infini = infiniWeights(await openStrategyWeights("infini", model.hash), model.config);
    const longmem = longMemWeights(await openStrategyWeights("longmem", model.hash), model.config);
    const projects = await LongMemProjects.open(session, options, longmem.bankLayer, ["report"]);
    const shares = await ShareMaker.open(model.config, infini, threads);
    const opened = { model: await InfiniModel.open(model, infini, threads), shares };
    return new Predictor(session, threads, projects, opened, await LongMemModel.open(model, longmem, threads));
  }

  /** Bits a token of the segment. */
  async bits(segment: HeldOutSegment): Promise<Record<Condition, number>> {
    const { prefix } = this.loaded.encoder;
    const { store, blocks } = this.projects.placedBefore(segment, MEMORY_TOKENS);
    await new BlockRestorer(store, this.loaded.encoder).restore(blocks.map(({ id }) => id));
    const reader = await this.reader(store);
    return {
      infllm: await this.behind(reader.filler.place(await this.chosen(reader, store, blocks)).window, segment),
      infini: await this.withSum(store, blocks, segment),
      longmem: await this.withBank(segment),
      plain: await this.behind(await this.asText(reader, blocks), segment),
      none: await this.behind(prefix.copy(prefix.length), segment),
    };
  }

  async close(): Promise<void> {
    for (const { lookUp } of this.readers.values()) await lookUp.close();
    await this.projects.close();
    await this.longMem.close();
    await this.infini.shares.close();
    await this.infini.model.close();
  }

  private async reader(store: Store): Promise<Reader> {
    const known = this.readers.get(store);
    if (known) return known;
    const { model, encoder } = this.loaded;
    const lookUp = await LookUp.open(store, encoder, this.threads);
    const reader = { lookUp, filler: new WindowFiller(store, model, encoder, lookUp, () => undefined) };
    this.readers.set(store, reader);
    return reader;
  }

  private async chosen({ lookUp }: Reader, store: Store, blocks: readonly PlacedBlock[]): Promise<PlacedBlock[]> {
    const { model, encoder } = this.loaded;
    const last = store.read((reader) => lastOf(blocks, 2 * ASKED_TOKENS).map(({ id }) => reader.text(id) ?? ""));
    const question = model.tokenizer.decode([...encoder.tokenize(last.join(""))].slice(-ASKED_TOKENS));
    const inMemory = new Set(blocks.map(({ id }) => id));
    const ranking = await lookUp.rank({ question, before: "" });
    const own = ranking.filter(({ block }) => inMemory.has(block.id));
    return chooseBlocks(own, {}, (path) => encoder.header(path).length).map(({ block }) => block);
  }

  private async asText({ filler }: Reader, blocks: readonly PlacedBlock[]): Promise<AttentionWindow> {
    const window = this.loaded.encoder.prefix.copy(0);
    await filler.readPlain(blocks, window, new AbortController().signal);
    return window;
  }

  /** The segment behind a window. */
  private async behind(window: AttentionWindow, { header, tokens }: HeldOutSegment): Promise<number> {
    const own = Int32Array.from([...header, ...tokens]);
    const positions = Int32Array.from(own, (_, i) => window.length + i);
    const { hidden } = await this.loaded.model.run(window, own, positions, { hidden: true });
    return this.surprise(hidden, header.length, tokens);
  }

  private async withSum(store: Store, blocks: readonly PlacedBlock[], segment: HeldOutSegment): Promise<number> {
    const { encoder, prompt } = this.loaded;
    const { model, shares } = this.infini;
    const cold = new ColdTier(store, encoder.shape, () => undefined);
    const memory = new CompressiveMemory(shares.layers, encoder.shape);
    for (const own of Map.groupBy(blocks, (block) => block.segment).values()) {
      const rows = emptyKv(encoder.shape, own.reduce((sum, { tokens }) => sum + tokens, 0)); // prettier-ignore
      let tokens = 0;
      for (const { id } of own) {
        const blob = cold.block(id);
        if (!blob) throw new Error(`Block ${id} is gone`);
        tokens += decodeBlock(blob, encoder.shape, rows, tokens);
      }
      memory.add(await shares.share(rows, tokens, encoder.shape), 1);
    }
    const state = await model.state(prompt.prefix, memory);
    const hidden = await state.hidden(Int32Array.from([...segment.header, ...segment.tokens]));
    return this.surprise(hidden, segment.header.length, segment.tokens);
  }

  private async withBank(segment: HeldOutSegment): Promise<number> {
    const { model, prompt } = this.loaded;
    const bank = bankOf(model, this.longMem.weights, await this.projects.before(segment, MEMORY_TOKENS));
    const before = [...prompt.prefix, ...segment.header];
    const hidden = await this.longMem.begin(bank.feeds()).hidden(Int32Array.from([...before, ...segment.tokens]));
    return this.surprise(hidden, before.length, segment.tokens);
  }

  /** @param hidden final states of `before` tokens and then of `tokens` */
  private async surprise(hidden: Float32Array, before: number, tokens: Int32Array): Promise<number> {
    const { model } = this.loaded;
    const width = model.config.hidden;
    const rows = hidden.subarray((before - 1) * width);
    return (await nats((part) => model.logits(part), rows, tokens, width)) / Math.LN2;
  }
}

function emptyKv({ layers, kvHeads, headDim }: KvShape, rows: number): LayerKv {
  const make = () => Array.from({ length: layers }, () => new Float32Array(rows * kvHeads * headDim));
  return { keys: make(), values: make() };
}
