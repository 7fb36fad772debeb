/** Where a definition is longer than its block: the blocks that it runs on in. */
import type { BlockReader, PlacedBlock } from "../store/block-reader.ts";

/** Blocks behind the one that a definition begins in; longer definitions say the rest of themselves elsewhere. */
const MOST_BLOCKS = 2;

/** @returns the blocks behind `block` that are still of the definition of `name`, nearest first */
export function runOn(
  reader: BlockReader,
  next: (block: PlacedBlock) => PlacedBlock | undefined,
  block: PlacedBlock,
  name: string,
): PlacedBlock[] {
  const text = reader.text(block.id) ?? "";
  const line = text.split("\n").find((each) => each.includes(name));
  if (line === undefined) return [];
  const depth = indentation(line);
  const found: PlacedBlock[] = [];
  for (let at = next(block); at !== undefined && found.length < MOST_BLOCKS; at = next(at)) {
    const first = (reader.text(at.id) ?? "").split("\n").find((each) => each.trim() !== "");
    if (first === undefined || indentation(first) <= depth) break;
    found.push(at);
  }
  return found;
}

function indentation(line: string): number {
  return line.length - line.trimStart().length;
}
