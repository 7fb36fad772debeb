import { RepoMemoryError } from "../engine/protocol/errors.ts";
import type { Progress, StatusResult } from "../engine/protocol/requests.ts";
import type { MemoryView } from "../webview/protocol/messages.ts";
import type { EngineClient } from "./engine-client.ts";
import { Observable } from "./observable.ts";
import type { Localisation } from "./status/figures.ts";
import { errorCard, meter } from "./view-model.ts";

/** Milliseconds between two looks at an engine that works on hints. */
const AGAIN = 1000;

/** What is known of one folder's memory. */
export type MemoryFacts = Omit<MemoryView, "folder" | "severalFolders">;

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
  readonly #l10n: Localisation;
  #reading: AbortController | undefined;
  /** Whether more changed during the reading than could be named: it may have passed those files already. */
  #isOutdated = false;
  #again: NodeJS.Timeout | undefined;

  constructor(folder: string, l10n: Localisation) {
    this.folder = folder;
    this.#l10n = l10n;
  }

  /** Reads what is new or changed in the folder, files in `open` before others; returns when all is in memory, or the reading failed or was stopped. */
  async read(client: EngineClient, open: string[] = []): Promise<void> {
    if (this.#reading) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#update({ state: "reading", meter: undefined, error: undefined });
    try {
      do {
        this.#isOutdated = false;
        // Said before anything else: a question that comes next must find the engine comparing.
        const ingesting = client.ingest({ folder: this.folder, open }, { signal: reading.signal });
        // Meanwhile the figures of last time. They are never shown after what became of the reading.
        await Promise.allSettled([ingesting, this.refresh(client)]);
        await ingesting;
        if (this.#reading !== reading) return;
      } while (this.#isOutdated);
      this.#reading = undefined;
      await this.refresh(client);
    } catch (error) {
      if (this.#reading === reading) this.#failed(error);
      // Stopped, but its last progress may have come after that.
      else if (!this.#reading) await this.refresh(client).catch(() => {});
    } finally {
      reading.abort();
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  /** Reads the folder; returns also when the reading is paused, which then goes on whenever the user says so. */
  async readUnlessPaused(client: EngineClient, open: string[] = []): Promise<void> {
    const { promise: paused, resolve } = Promise.withResolvers<void>();
    const subscription = this.facts.onChange(({ state }) => state === "paused" && resolve());
    try {
      await Promise.race([this.read(client, open), paused]);
    } finally {
      subscription.dispose();
    }
  }

  /** Compares the folder with the memory: now, or where a reading is at work already, again when that ends. */
  async lookAgain(client: EngineClient): Promise<void> {
    if (this.#reading) this.#isOutdated = true;
    else await this.read(client);
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

  /** Takes the engine's own figures; asks again later when it works on hints, since nobody tells when it is done. */
  async refresh(client: EngineClient): Promise<void> {
    const status = await client.status(this.folder);
    this.#take(status);
    clearTimeout(this.#again);
    if (status.state !== "ingesting" || this.#reading) return;
    this.#again = setTimeout(() => void this.refresh(client).catch(() => {}), AGAIN);
  }

  /** Progress of any call about this folder. */
  progress(progress: Progress): void {
    const { state } = this.facts.value;
    this.#update({ state: state === "paused" ? "paused" : "reading", meter: meter(progress) });
  }

  /** Forgets what was shown: the engine is gone, or the folder was forgotten. */
  reset(): void {
    clearTimeout(this.#again);
    this.#reading?.abort();
    this.#reading = undefined;
    this.facts.set(unread);
  }

  #take(status: StatusResult): void {
    const {
      state,
      files,
      tokens,
      bytes,
      model,
      device,
      deviceReason,
      deviceTokens,
      storesBytes,
      budgetBytes,
      coverage,
    } = status;
    const states = { empty: "unread", ready: "ready", ingesting: "reading", paused: "paused" } as const;
    const shown = this.#reading && state !== "paused" ? "reading" : states[state];
    const atWork = shown === "reading" || shown === "paused";
    const progress = atWork ? this.facts.value.meter : undefined;
    // That nothing is in memory is no news where that failed: what stands in the way still does.
    const error = state === "empty" && !this.#reading ? this.facts.value.error : undefined;
    const known = {
      files,
      tokens,
      allTokens: coverage?.of,
      bytes,
      model: model?.name,
      device,
      deviceReason,
      deviceTokens,
    };
    const disk = { used: storesBytes, budget: budgetBytes };
    this.facts.set({ ...known, disk, state: error ? "failed" : shown, meter: progress, error });
  }

  #failed(error: unknown): void {
    const { code } = RepoMemoryError.from(error);
    // The engine's own death is told of once, above all folders.
    if (code === "cancelled" || code === "engine-died") return this.#update({ state: "unread", meter: undefined });
    const card = errorCard(error, this.#l10n);
    this.#update({ state: "failed", meter: undefined, error: { ...card, action: card.action ?? "read" } });
  }

  #update(facts: Partial<MemoryFacts>): void {
    this.facts.set({ ...this.facts.value, ...facts });
  }
}
