/**
 * Where a row of a GGUF llama q or k matrix belongs in half-split rope's order. llama.cpp's converter interleaves the
 * halves of each head (`permute` in convert_hf_to_gguf.py: row 2i + j of a head was row j * headDim / 2 + i), since ggml
 * rotates neighbours; transformers, and these graphs, rotate element i with element i + headDim / 2.
 */
export function halfSplitRow(row: number, headDim: number): number {
  const inHead = row % headDim;
  return row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2);
}
