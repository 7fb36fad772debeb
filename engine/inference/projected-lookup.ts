/** Look-up by trained projections of hidden states; `retrieval/token-index.ts` says how blocks are scored. */
import type { SegmentInput } from "../blocks/block.ts";
import { PREFILL_ROWS } from "../graph/attention.ts";
import { PROJECTED } from "../retrieval/projections.ts";
import { packEntry, TokenIndex, withoutLightest } from "../retrieval/token-index.ts";
import { TokenScorer } from "../retrieval/token-scorer.ts";
import type { AttentionWindow } from "./attention-window.ts";
import type { LanguageModel } from "./language-model.ts";
import type { PrefillResult } from "./prefill-result.ts";
import { blockRows, type ModelIndex, type ModelLookup, runQuestion } from "./model-lookup.ts";
import type { TokenProjector } from "./token-projector.ts";

export class ProjectedLookup implements ModelLookup {
  readonly wants = { residuals: true };
  readonly #model: LanguageModel;
  readonly #prefix: AttentionWindow;
  readonly #projector: TokenProjector;

  /** @param projector closed with the look-up */
  constructor(model: LanguageModel, prefix: AttentionWindow, projector: TokenProjector) {
    this.#model = model;
    this.#prefix = prefix;
    this.#projector = projector;
  }

  get version(): string {
    return this.#projector.version;
  }

  async entries({ residuals }: PrefillResult, input: SegmentInput): Promise<Uint8Array[]> {
    const codes = await this.#projector.blockCodes(residuals);
    return blockRows(input).map(({ from, to }) =>
      packEntry(codes.map((layer) => layer.subarray(from * PROJECTED, to * PROJECTED))),
    );
  }

  async openIndex(threads: number): Promise<ModelIndex> {
    const index = new TokenIndex(this.#projector.layers.length);
    const cpu = new TokenScorer(index, threads, "cpu");
    const device = new TokenScorer(index, threads, "webgpu");
    return new ProjectedIndex(index, [cpu, device], (question) => this.#score(cpu, device, question));
  }

  close(): Promise<void> {
    return this.#projector.close();
  }

  async #score(cpu: TokenScorer, device: TokenScorer, question: Int32Array): Promise<ReadonlyMap<number, number>[]> {
    if (question.length === 0) return [];
    const tokens = question.subarray(0, PREFILL_ROWS);
    const { residuals } = await runQuestion(this.#model, this.#prefix, tokens, this.wants);
    const queries = (await this.#projector.queries(residuals)).map(withoutLightest);
    const scores = await this.#model.onDevice(() => device.score(queries));
    // What the other one holds is of use only while it is asked. A lost device is not waited for.
    void (scores ? cpu : device).close();
    return scores ?? cpu.score(queries);
  }
}

class ProjectedIndex implements ModelIndex {
  readonly givesCosines = true;
  readonly score: ModelIndex["score"];
  readonly #index: TokenIndex;
  readonly #scorers: readonly TokenScorer[];

  constructor(index: TokenIndex, scorers: readonly TokenScorer[], score: ModelIndex["score"]) {
    this.#index = index;
    this.#scorers = scorers;
    this.score = score;
  }

  update(...[live, entry, entries]: Parameters<ModelIndex["update"]>): void {
    const gone = [...this.#index.blocks].filter((block) => !live.has(block));
    for (const block of gone) this.#index.remove(block);
    if (this.#index.isEmpty) {
      for (const [block, data] of entries()) if (live.has(block)) this.#index.add(block, data);
      return;
    }
    for (const block of live) {
      const data = this.#index.has(block) ? undefined : entry(block);
      if (data) this.#index.add(block, data);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#scorers.map((scorer) => scorer.close()));
  }
}
