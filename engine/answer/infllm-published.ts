/**
 * Answers by InfLLM as it was published (arXiv 2402.04617): all files as one stream, every layer looking up for itself. Kept for
 * comparison. It reads everything anew in each process and after each change, holds it in RAM, and finds less than the
 * engine's own memory; docs/memory.md has the figures.
 */
import type { MemoryStrategy } from "../memory/memory-strategy.ts";
import type { BlockEncoder } from "../inference/block-encoder.ts";
import type { DecodedToken, DecodingState } from "../inference/decoding-state.ts";
import { InfllmStream, type LayerLookUp } from "../inference/infllm-stream.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { LayerwiseModel } from "../inference/layerwise-model.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import type { InfllmSettings } from "../memory/infllm-window.ts";
import { answer, type FilledMemory } from "./answer.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { AnswerEvent, AskParams, ChosenRange } from "../protocol/requests.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";
import type { Store } from "../store/store.ts";

/** Longest stream: SmolLM2-135M's blocks of so many tokens take 1.6 GB. */
const MOST_TOKENS = 131_072;
/** Blocks that the look-up event names. */
const NAMED_BLOCKS = 8;

interface PublishedOptions {
  store: Store;
  model: LanguageModel;
  encoder: BlockEncoder;
  prompt: PromptWriter;
  threads: number;
  settings?: InfllmSettings;
}

/** The stream's tokens [from, to) are those of `block`. */
interface Span {
  block: PlacedBlock;
  from: number;
  to: number;
}

/** A folder that was read into a stream, until the folder changes. */
interface ReadFolder {
  generation: number;
  stream: InfllmStream;
  spans: Span[];
}

/** The strategy `infllm-published` of one workspace; the layers are opened by the first question. */
export class PublishedInfllm implements MemoryStrategy {
  private readonly options: PublishedOptions;
  private layerwise: Promise<LayerwiseModel> | undefined;
  private read: ReadFolder | undefined;

  constructor(options: PublishedOptions) {
    this.options = options;
  }

  /**
   * Reads the folder where that was not done, and answers. Citations are left out: layers attend to different blocks.
   * @throws RepoMemoryError "usage" for a folder that is too large for this method
   */
  async *ask(params: AskParams, started: number, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const { model, prompt } = this.options;
    const { stream, spans } = await this.folder(signal);
    const before = performance.now();
    const suffix = prompt.suffix(params, spans.length > 0);
    const chosen = chosenBlocks(await stream.lookUp(suffix), stream, spans);
    const filled: FilledMemory = {
      state: new StreamState(model, stream.fork()),
      slots: [],
      chosen,
      opensFence: spans.length > 0,
      readTokens: stream.tokens,
      lookupMs: performance.now() - before,
    };
    yield* answer(model, prompt, params, started, filled, signal);
  }

  async close(): Promise<void> {
    this.read = undefined;
    const layerwise = await this.layerwise?.catch(() => undefined);
    this.layerwise = undefined;
    await layerwise?.close();
  }

  /** The folder as a stream: the prefix, then each file's header and text, in path order. */
  private async folder(signal: AbortSignal): Promise<ReadFolder> {
    const { store, model, prompt, settings, threads } = this.options;
    const generation = store.generation();
    if (this.read?.generation === generation) return this.read;
    const { tokens, spans } = this.text(prompt.prefix);
    this.layerwise ??= LayerwiseModel.open(model, threads);
    this.layerwise.catch(() => (this.layerwise = undefined));
    const stream = InfllmStream.create(await this.layerwise, settings);
    await stream.read(Int32Array.from(tokens), signal);
    this.read = { generation, stream, spans };
    return this.read;
  }

  private text(prefix: Int32Array): { tokens: number[]; spans: Span[] } {
    const { store, encoder } = this.options;
    const blocks = store.read((reader) => reader.placed());
    const total = blocks.reduce((sum, block) => sum + block.tokens, 0);
    if (total > MOST_TOKENS) throw tooLarge(total);
    const tokens = [...prefix];
    const spans: Span[] = [];
    let path: string | undefined;
    for (const block of blocks) {
      if (block.path !== path) tokens.push(...encoder.header(block.path));
      path = block.path;
      const from = tokens.length;
      tokens.push(...encoder.tokenize(store.read((reader) => reader.text(block.id)) ?? ""));
      spans.push({ block, from, to: tokens.length });
    }
    return { tokens, spans };
  }
}

/** Goes on behind a stream of any length, which looks up in itself. */
class StreamState implements DecodingState {
  readonly tokenizer: Tokenizer;
  readonly positions = Infinity;
  private readonly model: LanguageModel;
  private stream: InfllmStream;
  private marked: InfllmStream;

  constructor(model: LanguageModel, stream: InfllmStream) {
    this.tokenizer = model.tokenizer;
    this.model = model;
    this.stream = stream;
    this.marked = stream;
  }

  get length(): number {
    return this.stream.tokens;
  }

  async read(tokens: Int32Array, signal?: AbortSignal): Promise<Float32Array> {
    return this.model.logits(await this.stream.read(tokens, signal));
  }

  async decode(token: number): Promise<DecodedToken> {
    return { logits: await this.read(Int32Array.of(token)) };
  }

  mark(): void {
    this.marked = this.stream.fork();
  }

  rewind(): void {
    this.stream = this.marked.fork();
  }
}

/** The blocks of the folder that most layers chose a part of; the score is the share of layers. */
function chosenBlocks(layers: readonly LayerLookUp[], stream: InfllmStream, spans: readonly Span[]): ChosenRange[] {
  const votes = new Map<number, number>();
  for (const { chosen } of layers) {
    for (const block of chosen) votes.set(block, (votes.get(block) ?? 0) + 1 / layers.length);
  }
  const scored = spans.map(({ block: { path, startLine, endLine }, from, to }) => {
    const parts = [...votes].filter(([block]) => {
      const start = stream.blockStart(block);
      return start < to && from < start + stream.settings.blockTokens;
    });
    const score = Math.max(0, ...parts.map(([, share]) => share));
    return { path, startLine, endLine, score, why: "states" as const };
  });
  const found = scored.filter(({ score }) => score > 0);
  return found.sort((a, b) => b.score - a.score).slice(0, NAMED_BLOCKS);
}

function tooLarge(tokens: number): RepoMemoryError {
  return new RepoMemoryError("usage", {
    message: `The folder has ${tokens} tokens; InfLLM as published reads at most ${MOST_TOKENS} here.`,
    meaning: "It reads everything in one stream and keeps it in RAM. It is there to be compared with, not to be used.",
    remedy: "Ask without --strategy, or about a smaller folder.",
  });
}
