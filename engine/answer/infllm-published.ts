/**
 * Answers by InfLLM as it was published (arXiv 2402.04617): all files as one stream, every layer looking up for itself. Kept for
 * comparison. It reads everything anew in each process and after each change, holds it in RAM, and finds less than the
 * engine's own memory; docs/memory.md has the figures.
 */
import type { BlockEncoder } from "../inference/block-encoder.ts";
import { InfllmStream, type LayerLookUp } from "../inference/infllm-stream.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import { LayerwiseModel } from "../inference/layerwise-model.ts";
import { loopLength } from "../inference/loop-guard.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import { TextStream } from "../inference/text-stream.ts";
import type { InfllmSettings } from "../memory/infllm-window.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { AnswerEvent, AskParams, AskResult, ChosenRange } from "../protocol/requests.ts";
import type { PlacedBlock } from "../store/block-reader.ts";
import type { Store } from "../store/store.ts";

/** Longest stream: SmolLM2-135M's blocks of so many tokens take 1.6 GB. */
const MOST_TOKENS = 131_072;
const DEFAULT_MAX_TOKENS = 256;
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
export class PublishedInfllm {
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
    const { stream, spans } = await this.folder(signal);
    const suffix = this.options.prompt.suffix(params, spans.length > 0);
    const before = performance.now();
    const blocks = chosenBlocks(await stream.lookUp(suffix), stream, spans);
    const lookupMs = performance.now() - before;
    yield { type: "lookup", blocks, memoryTokens: stream.tokens, lookupMs };
    const text = new TextStream();
    const maxTokens = params.maxTokens ?? DEFAULT_MAX_TOKENS;
    const generated: number[] = [];
    let answer = "";
    let firstTokenMs = 0;
    for await (const token of stream.ask(suffix, { ...params, maxTokens, signal })) {
      if (generated.length === 0) firstTokenMs = performance.now() - started;
      generated.push(token);
      const piece = text.push(this.options.model.tokenizer.bytes(token));
      answer += piece;
      if (piece !== "") yield { type: "token", text: piece };
      if (loopLength(generated) > 0) break;
    }
    const rest = text.flush();
    if (rest !== "") yield { type: "token", text: rest };
    const repeated = this.options.model.tokenizer.decode(generated.slice(generated.length - loopLength(generated)));
    answer = (answer + rest).slice(0, (answer + rest).length - repeated.length);
    const result: AskResult = {
      answer: answer.trim(),
      citations: [],
      sentences: [],
      lines: [],
      found: true,
      tokens: { prompt: stream.tokens + suffix.length, memory: stream.tokens, generated: generated.length },
      timing: { lookupMs, firstTokenMs, totalMs: performance.now() - started },
      finish: signal.aborted ? "cancelled" : generated.length === maxTokens ? "length" : "stop",
    };
    yield { type: "end", result };
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
