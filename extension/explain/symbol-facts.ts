/** What is known of a symbol before a model is asked: where it is defined and who uses it. */
import type { LineRange, RecalledBlock, RecallParams, RecallResult } from "../../engine/protocol/requests.ts";
import { declarationIn, enclosingDeclaration, isImport, wordIndex } from "./declarations.ts";

/** A place that uses a symbol. */
export interface Use extends LineRange {
  /** The function or class that it stands in. */
  inside?: string;
}

/** A use, and whether its line only takes the name from elsewhere. */
export interface FoundUse {
  use: Use;
  isImported: boolean;
}

/** Best first; lines of files in the folder. */
export interface SymbolFacts {
  definitions: LineRange[];
  uses: Use[];
  /** Who knew. */
  source: "language server" | "memory";
}

/** Blocks that are looked through for a definition, and for uses. */
const DEFINING_BLOCKS = 8;
const USING_BLOCKS = 24;
/** Uses that are told of; a small model's window holds no more. */
export const MOST_USES = 6;

/** How the memory is asked: `EngineApi.recall` of one folder. */
export type Recall = (params: Pick<RecallParams, "question" | "top" | "text">) => Promise<RecallResult>;

/** What the memory knows of a name, without a language server: its own symbols lead to the blocks, their text to the lines. */
export async function memoryFacts(recall: Recall, name: string): Promise<SymbolFacts> {
  const defining = await recall({ question: `Where is \`${name}\` defined?`, top: DEFINING_BLOCKS, text: true });
  const using = await recall({ question: `Which functions call \`${name}\`?`, top: USING_BLOCKS, text: true });
  const definitions = linesIn(defining.blocks, name).filter(({ isDefinition }) => isDefinition);
  const uses = linesIn(using.blocks, name).filter(({ isDefinition }) => !isDefinition);
  return {
    definitions: unique(definitions.map(({ place }) => place)).slice(0, 2),
    uses: tellingUses(uses.map(({ place, isImported }) => ({ use: place, isImported }))),
    source: "memory",
  };
}

/** Uses for people: each line once, imports only where there is nothing else, at most `MOST_USES`. */
export function tellingUses(uses: readonly FoundUse[]): Use[] {
  const real = uses.filter(({ isImported }) => !isImported);
  const kept = real.length > 0 ? real : uses;
  return unique(kept.map(({ use }) => use)).slice(0, MOST_USES);
}

interface NamedLine {
  place: Use;
  isDefinition: boolean;
  isImported: boolean;
}

/** The lines of blocks that hold a name as a word. */
function linesIn(blocks: readonly RecalledBlock[], name: string): NamedLine[] {
  return blocks.flatMap(({ path, startLine, text = "" }) => {
    const lines = text.split(/\r\n|\r|\n/);
    return lines.flatMap((line, i) => {
      if (wordIndex(line, name) < 0 || isComment(line)) return [];
      const inside = enclosingDeclaration(lines, i)?.name;
      const place = { path, startLine: startLine + i, endLine: startLine + i, ...(inside !== undefined && { inside }) };
      return { place, isDefinition: declarationIn(line)?.name === name, isImported: isImport(line) };
    });
  });
}

function isComment(line: string): boolean {
  return /^\s*(?:\/\/|\/\*|\*|#(?!\s*include)|--|;;|"""|''')/.test(line);
}

function unique<T extends LineRange>(places: readonly T[]): T[] {
  const seen = new Map(places.map((place) => [`${place.path}:${place.startLine}`, place]));
  return [...seen.values()];
}
