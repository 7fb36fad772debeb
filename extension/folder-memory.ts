import { RepoMemoryError } from "../engine/protocol/errors.ts";
import type { Progress, StatusResult } from "../engine/protocol/requests.ts";
import type { ErrorCard, MemoryView, Meter } from "../webview/protocol/messages.ts";
import type { EngineClient } from "./engine-client.ts";
import { Observable } from "./observable.ts";
import { errorCard, meter } from "./view-model.ts";

/** What is known of one folder's memory. */
export type MemoryFacts = Pick<MemoryView, "state" | "files" | "tokens" | "bytes" | "meter" | "error" | "model">;

const unread: MemoryFacts = {
  state: "unread",
  files: 0,
  tokens: 0,
  bytes: 0,
  model: undefined,
  meter: undefined,
  error: undefined,
};

/** The memory of one workspace folder, as far as the extension knows it. The engine's word is what counts. */
export class FolderMemory {
  /** Absolute path of the folder. */
  readonly folder: string;
  readonly facts = new Observable<MemoryFacts>(unread);
  #reading: AbortController | undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Reads what is new or changed in the folder; returns when all is in memory, or the reading failed or was stopped. */
  async read(client: EngineClient): Promise<void> {
    if (this.#reading) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#update({ state: "reading", meter: undefined, error: undefined });
    try {
      await client.ingest({ folder: this.folder }, { signal: reading.signal });
      await this.refresh(client);
    } catch (error) {
      if (this.#reading === reading) this.#failed(error);
    } finally {
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  async pause(client: EngineClient): Promise<void> {
    await client.pause(this.folder);
    if (this.#reading) this.#update({ state: "paused" });
  }

  async resume(client: EngineClient): Promise<void> {
    await client.resume(this.folder);
    if (this.#reading) this.#update({ state: "reading" });
    else await this.read(client);
  }

  /** Takes the engine's own figures. */
  async refresh(client: EngineClient): Promise<void> {
    this.#take(await client.status(this.folder));
  }

  /** Progress of any call about this folder. */
  progress(progress: Progress): void {
    if (progress.phase !== "ingest") return;
    const { state } = this.facts.value;
    this.#update({ state: state === "paused" ? "paused" : "reading", meter: meter(progress) });
  }

  /** Forgets what was shown: the engine is gone, or the folder was forgotten. */
  reset(): void {
    this.#reading?.abort();
    this.#reading = undefined;
    this.facts.set(unread);
  }

  #take({ state, files, tokens, bytes, model }: StatusResult): void {
    const states = { empty: "ready", ready: "ready", ingesting: "reading", paused: "paused" } as const;
    const shown: Meter | undefined = state === "ingesting" || state === "paused" ? this.facts.value.meter : undefined;
    this.facts.set({ state: states[state], files, tokens, bytes, model: model?.name, meter: shown, error: undefined });
  }

  #failed(error: unknown): void {
    const { code } = RepoMemoryError.from(error);
    // The engine's own death is told of once, above all folders.
    if (code === "cancelled" || code === "engine-died") return this.#update({ state: "unread", meter: undefined });
    const card: ErrorCard = errorCard(error, "read");
    this.#update({ state: "failed", meter: undefined, error: card });
  }

  #update(facts: Partial<MemoryFacts>): void {
    this.facts.set({ ...this.facts.value, ...facts });
  }
}
