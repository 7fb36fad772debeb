/** Where a block's rows of one layer lie: rows [row, row + tokens) of `keys` and `values`, each `channels` wide. */
export interface LayerRows {
  keys: Float32Array; // [rows, channels], un-rotated
  values: Float32Array; // [rows, channels]
  row: number;
  tokens: number;
  /** kvHeads * headDim. */
  channels: number;
}

/** How the keys and values of one layer of one block become bytes. Bytes and sizes are multiples of 4, little-endian. */
export interface KvCodec {
  /** Written into every blob; never reused for another layout. */
  readonly id: number;
  layerBytes(tokens: number, channels: number): number;
  /** Writes `layerBytes` bytes at `at` of `bytes`. */
  encode(rows: LayerRows, bytes: ArrayBuffer, at: number): void;
  /** Reads them back into the rows. */
  decode(bytes: ArrayBuffer, at: number, rows: LayerRows): void;
}

/** `bytes` rounded up to a whole number of 4-byte words, so that the next section is aligned. */
export function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}
