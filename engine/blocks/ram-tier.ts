interface Entry {
  bytes: Uint8Array;
  leases: number;
}

/** Encoded blobs in memory, bounded in bytes; the least recently used one that no one has leased goes first. */
export class RamTier {
  readonly capacity: number;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  #used = 0;

  /** `capacity` in bytes. */
  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Bytes held. */
  get used(): number {
    return this.#used;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Keeps a blob if room can be made for it; false when leased ones fill the tier. */
  put(key: string, bytes: Uint8Array): boolean {
    if (this.#entries.has(key)) return true;
    if (!this.#makeRoom(bytes.byteLength)) return false;
    this.#entries.set(key, { bytes, leases: 0 });
    this.#used += bytes.byteLength;
    return true;
  }

  /** The blob, kept until as many `release`s as `lease`s; undefined when it is not here. */
  lease(key: string): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.leases++;
    return entry.bytes;
  }

  release(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.leases === 0) throw new Error(`${key} is not leased`);
    entry.leases--;
  }

  #makeRoom(bytes: number): boolean {
    for (const [key, entry] of this.#entries) {
      if (this.#used + bytes <= this.capacity) break;
      if (entry.leases > 0) continue;
      this.#entries.delete(key);
      this.#used -= entry.bytes.byteLength;
    }
    return this.#used + bytes <= this.capacity;
  }
}
