/** Memory for the blobs of one batch, reused for the next: taken piece by piece, given back all at once. */
export class Arena {
  #buffer = new ArrayBuffer(0);
  #used = 0;
  #wanted = 0;

  /** `bytes` bytes at a multiple of 4, with whatever they held before; valid until `reset`. */
  readonly take = (bytes: number): Uint8Array<ArrayBuffer> => {
    const size = (bytes + 3) & ~3;
    this.#wanted += size;
    if (this.#used + size > this.#buffer.byteLength) return new Uint8Array(bytes);
    const piece = new Uint8Array(this.#buffer, this.#used, bytes);
    this.#used += size;
    return piece;
  };

  /** Makes all pieces invalid, and room for as much as was asked for since the last time. */
  reset(): void {
    if (this.#wanted > this.#buffer.byteLength) this.#buffer = new ArrayBuffer(this.#wanted);
    this.#used = 0;
    this.#wanted = 0;
  }
}
