/** Look-up by a retrieval head: `retrieval/head-index.ts` says how blocks are scored. */
import type { SegmentInput } from "../blocks/block.ts";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { encodeIndexEntry, HeadIndex } from "../retrieval/head-index.ts";
import type { AttentionWindow } from "./attention-window.ts";
import { GENERIC_QUESTIONS } from "./generic-questions.ts";
import type { LanguageModel } from "./language-model.ts";
import type { PrefillResult } from "./prefill-result.ts";
import { blockRows, type ModelIndex, type ModelLookup, runQuestion } from "./model-lookup.ts";
import type { Head } from "./observed-layers.ts";

export class HeadLookup implements ModelLookup {
  readonly version: string;
  readonly wants = {};
  readonly #model: LanguageModel;
  readonly #prefix: AttentionWindow;
  readonly #head: Head;
  #genericQueries: Float32Array = new Float32Array(0);

  private constructor(model: LanguageModel, prefix: AttentionWindow, head: Head) {
    this.version = `head ${head.layer} ${head.head}`;
    this.#model = model;
    this.#prefix = prefix;
    this.#head = head;
  }

  /** Computes what the head asks of generic questions. */
  static async create(model: LanguageModel, prefix: AttentionWindow, head: Head): Promise<HeadLookup> {
    const lookup = new HeadLookup(model, prefix, head);
    const generic: Float32Array[] = [];
    for (const question of GENERIC_QUESTIONS) generic.push(await lookup.#queries(model.tokenizer.encode(question)));
    lookup.#genericQueries = concatenate(generic);
    return lookup;
  }

  entries({ kv }: PrefillResult, input: SegmentInput): Promise<Uint8Array[]> {
    const { headDim } = this.#model.config;
    const keys = kv.keys[this.#head.layer] ?? new Float32Array(0);
    return Promise.resolve(
      blockRows(input).map(({ from, to }) =>
        encodeIndexEntry(this.#headKeys(keys, from, to), this.#genericQueries, headDim),
      ),
    );
  }

  async openIndex(threads: number): Promise<ModelIndex> {
    const index = await HeadIndex.open(this.#model.config.headDim, threads);
    return {
      givesCosines: false,
      update: (live, entry, entries) => updateIndex(index, live, entry, entries),
      score: async (question) => {
        const queries = await this.#queries(question);
        return queries.length === 0 ? [] : [await index.score(queries)];
      },
      close: () => index.close(),
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The keys of the head's KV head, rows [from, to), as [tokens, headDim]. */
  #headKeys(source: Float32Array, from: number, to: number): Float32Array {
    const { headDim, kvHeads, heads } = this.#model.config;
    const kvHead = Math.floor((this.#head.head * kvHeads) / heads);
    const keys = new Float32Array((to - from) * headDim);
    for (let row = from; row < to; row++) {
      const start = (row * kvHeads + kvHead) * headDim;
      keys.set(source.subarray(start, start + headDim), (row - from) * headDim);
    }
    return keys;
  }

  /** The head's un-rotated queries for a question's tokens, scaled for dot products [tokens, headDim]. */
  async #queries(question: Int32Array): Promise<Float32Array> {
    if (question.length === 0) return new Float32Array(0);
    const tokens = question.subarray(0, PREFILL_ROWS);
    const { queries } = await runQuestion(this.#model, this.#prefix, tokens, { queries: true });
    const { headDim, heads } = this.#model.config;
    const all = queries.get(this.#head.layer) ?? new Float32Array(0);
    const own = new Float32Array(tokens.length * headDim);
    for (let token = 0; token < tokens.length; token++) {
      const start = (token * heads + this.#head.head) * headDim;
      for (let i = 0; i < headDim; i++) own[token * headDim + i] = (all[start + i] ?? 0) / Math.sqrt(headDim);
    }
    return own;
  }
}

function updateIndex(index: HeadIndex, ...[live, entry, entries]: Parameters<ModelIndex["update"]>): void {
  const known = new Set(index.blocks);
  const added = (): [number, Uint8Array][] =>
    [...live].flatMap((block) => {
      const data = known.has(block) ? undefined : entry(block);
      return data ? [[block, data]] : [];
    });
  const all = () => [...entries()].filter(([block]) => live.has(block));
  index.update((block) => live.has(block), known.size === 0 ? all() : added());
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
