/** Bytes of tokens to text, as they come: a character is given out when its last byte is there, never a half of one. */
export class TextStream {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  /** The characters that `bytes` complete; bytes that are no UTF-8 become U+FFFD. */
  push(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** The end: U+FFFD for a character that was begun and never completed. The stream can be used again. */
  flush(): string {
    return this.#decoder.decode();
  }
}
