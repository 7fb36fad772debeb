/** How soon a waiting file is read, most urgent first. */
export const TIER = {
  /** The folder is no longer as the memory has it. */
  changed: 0,
  /** Open in an editor, or worked on lately. */
  recent: 1,
  /** Imported by one that is, directly or through others. */
  near: 2,
  rest: 3,
} as const;

/** One of `TIER`. */
export type Tier = (typeof TIER)[keyof typeof TIER];

/** A file that was taken out of the queue. */
export interface QueuedFile {
  path: string;
  tier: Tier;
}

/** Files that wait to be read; each path once. The first of the most urgent tier comes next. */
export class IngestQueue {
  readonly #tiers = new Map<Tier, Map<string, number>>(Object.values(TIER).map((tier) => [tier, new Map()]));
  #bytes = 0;

  /** Adds a file at its tier's end; one that waits already only moves to a more urgent tier. `bytes` is for estimates. */
  add(path: string, bytes: number, tier: Tier): void {
    const waiting = this.#tierOf(path);
    if (waiting !== undefined && waiting <= tier) return;
    if (waiting !== undefined) this.#delete(path, waiting);
    this.#tiers.get(tier)?.set(path, bytes);
    this.#bytes += bytes;
  }

  /** Moves a file up, if it waits at all. */
  promote(path: string, tier: Tier): void {
    const waiting = this.#tierOf(path);
    if (waiting !== undefined) this.add(path, this.#tiers.get(waiting)?.get(path) ?? 0, tier);
  }

  /** Moves a file down to the end of a less urgent tier. */
  relegate(path: string, tier: Tier): void {
    const waiting = this.#tierOf(path);
    if (waiting === undefined || waiting >= tier) return;
    const bytes = this.#tiers.get(waiting)?.get(path) ?? 0;
    this.#delete(path, waiting);
    this.add(path, bytes, tier);
  }

  /** The most urgent tier in which a file waits. */
  get first(): Tier | undefined {
    for (const [tier, files] of this.#tiers) if (files.size > 0) return tier;
    return undefined;
  }

  /** Takes the next file out. */
  take(): QueuedFile | undefined {
    const tier = this.first;
    const [path] = tier === undefined ? [] : (this.#tiers.get(tier)?.keys() ?? []);
    if (tier === undefined || path === undefined) return undefined;
    this.#delete(path, tier);
    return { path, tier };
  }

  /** The files that wait in a tier. */
  inTier(tier: Tier): string[] {
    return [...(this.#tiers.get(tier)?.keys() ?? [])];
  }

  /** Bytes of the files that wait in a tier. */
  bytesIn(tier: Tier): number {
    let sum = 0;
    for (const bytes of this.#tiers.get(tier)?.values() ?? []) sum += bytes;
    return sum;
  }

  /** Forgets all but what has changed: an answer must not come from what a changed file said before. */
  dropUnhurried(): void {
    for (const [tier, files] of this.#tiers) if (tier !== TIER.changed) files.clear();
    this.#bytes = this.bytesIn(TIER.changed);
  }

  /** Bytes of all waiting files. */
  get bytes(): number {
    return this.#bytes;
  }

  #tierOf(path: string): Tier | undefined {
    for (const [tier, files] of this.#tiers) if (files.has(path)) return tier;
    return undefined;
  }

  #delete(path: string, tier: Tier): void {
    const files = this.#tiers.get(tier);
    this.#bytes -= files?.get(path) ?? 0;
    files?.delete(path);
  }
}
