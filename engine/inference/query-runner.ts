/** A converted model that puts out what every attention head asks and is found by, for choosing among the heads. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { newNames, writeDecoder } from "../graph/decoder.ts";
import { readPackedModel } from "../graph/packed-layers.ts";
import { ropeTable } from "../graph/rope.ts";
import type { ModelConfig, TokenizerFiles } from "../models/model-source.ts";
import { floats, Session } from "../runtime/session.ts";
import { createTokenizer } from "../tokenizer/tokenizer.ts";
import { AttentionWindow } from "./attention-window.ts";
import type { LayerStates, StateRunner } from "./score-heads.ts";
import { prefillFeeds } from "./prefill-feeds.ts";
import { PromptWriter } from "./prompt.ts";

/** A folder with a prefill graph and its weights; a `LanguageModel` is one. */
export interface PrefillFolder {
  folder: string;
  config: ModelConfig;
  tokenizerFiles: TokenizerFiles;
}

/** Runs tokens behind the prefix, as blocks and questions are run. */
export class QueryRunner implements StateRunner {
  readonly shape: ModelConfig;
  readonly room: number;
  readonly encode: (text: string) => Int32Array;
  readonly #session: Session;
  readonly #window: AttentionWindow;

  private constructor(model: PrefillFolder, session: Session, window: AttentionWindow, room: number) {
    const tokenizer = createTokenizer(model.tokenizerFiles);
    this.shape = model.config;
    this.room = room;
    this.encode = (text) => tokenizer.encode(text);
    this.#session = session;
    this.#window = window;
  }

  /** Takes the weights of `prefill.onnx` where they lie. @throws RepoMemoryError "model-invalid" */
  static async open(model: PrefillFolder, threads: number): Promise<QueryRunner> {
    const { folder, config } = model;
    const stored = readPackedModel(await readFile(join(folder, "prefill.onnx")), config);
    const queriesOf = Array.from({ length: config.layers }, (_, layer) => layer);
    const { rope, positions } = stored;
    const graph = writeDecoder(config, stored.model, { mode: "prefill", positions, rope, queriesOf });
    const session = await Session.open(graph, { threads, dataFolder: folder });
    try {
      const { prefix } = new PromptWriter(createTokenizer(model.tokenizerFiles), model.tokenizerFiles);
      const window = new AttentionWindow(config, ropeTable(config, positions), prefix.length);
      const room = Math.max(0, Math.min(PREFILL_ROWS, positions - prefix.length));
      const runner = new QueryRunner(model, session, window, room);
      if (room > 0) await runner.#readPrefix(prefix);
      return runner;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async run(tokens: Int32Array): Promise<LayerStates> {
    const layers = Array.from({ length: this.shape.layers }, (_, layer) => layer);
    const fetches = layers.flatMap((layer) => [newNames(layer).keys, `query.${layer}`]);
    const outputs = await this.#session.run(this.#feeds(tokens), fetches);
    return {
      keys: layers.map((layer) => floats(outputs, newNames(layer).keys)),
      queries: layers.map((layer) => floats(outputs, `query.${layer}`)),
    };
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #readPrefix(prefix: Int32Array): Promise<void> {
    for (let from = 0; from < prefix.length; from += PREFILL_ROWS) {
      const part = prefix.subarray(from, from + PREFILL_ROWS);
      const outputs = await this.#session.run(this.#feeds(part));
      const read = (kind: "keys" | "values") =>
        Array.from({ length: this.shape.layers }, (_, layer) => floats(outputs, newNames(layer)[kind]));
      this.#window.append({ keys: read("keys"), values: read("values") }, 0, part.length, from);
    }
  }

  #feeds(tokens: Int32Array) {
    const positions = Int32Array.from(tokens, (_, i) => this.#window.length + i);
    return prefillFeeds(this.#window, tokens, positions);
  }
}
