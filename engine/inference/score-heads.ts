/** Scores a model's attention heads: each looks up, by itself, the answers to made questions in made code. */
import { GENERIC_QUESTIONS } from "./generic-questions.ts";
import { type AskedTokens, HeadMatches } from "./head-matches.ts";
import { type MadeCode, type MadeFile, type MadeQuestion, makeCode } from "./made-code.ts";
import type { Head } from "./observed-layers.ts";
import { headerText } from "./prompt.ts";

/** Longest block, as in the memory. */
const BLOCK_TOKENS = 128;
/** Tokens that a run must have room for beside a file's header: half a block. */
const SMALLEST_ROOM = 64;

/** What one run leaves behind, by layer: un-rotated keys [tokens, kvHeads * headDim] and queries [tokens, heads * headDim]. */
export interface LayerStates {
  keys: Float32Array[];
  queries: Float32Array[];
}

/** What finding heads needs of a model. */
export interface StateRunner {
  shape: { layers: number; heads: number; kvHeads: number; headDim: number };
  /** Most tokens of a run. */
  room: number;
  encode: (text: string) => Int32Array;
  /** Runs tokens behind the prefix. */
  run(tokens: Int32Array): Promise<LayerStates>;
}

/** A head, and how it did by itself. */
export interface ScoredHead extends Head {
  /** Mean of 1 / rank of the right block: 1 is always first. */
  reciprocalRank: number;
}

/**
 * Scores every head, best first; none where the model has no room for a block.
 * @param onFile called after each file of the made code
 */
export async function scoreHeads(
  runner: StateRunner,
  seed: number,
  threads: number,
  onFile: () => void = () => {},
): Promise<ScoredHead[]> {
  if (runner.room < SMALLEST_ROOM) return [];
  const code = makeCode(seed);
  const { asked, generic, tokens } = encodeQuestions(runner, code);
  const matches = await HeadMatches.open(runner.shape, tokens, threads);
  try {
    for (const question of [...asked, ...generic]) matches.ask((await runner.run(question.tokens)).queries);
    for (const file of code.files) {
      for (const keys of await blockKeys(runner, file)) await matches.add(keys);
      onFile();
    }
    const { layers, heads } = runner.shape;
    const all = Array.from({ length: layers * heads }, (_, i) => ({ layer: Math.floor(i / heads), head: i % heads }));
    return all
      .map(({ layer, head }) => ({
        layer,
        head,
        reciprocalRank: meanReciprocal(matches.ranks(layer, head, asked, generic[0]?.from ?? tokens)),
      }))
      .sort((a, b) => b.reciprocalRank - a.reciprocalRank);
  } finally {
    await matches.close();
  }
}

interface EncodedQuestion extends AskedTokens {
  tokens: Int32Array;
}

/** All questions one behind the other, the generic ones last: no block answers those. */
function encodeQuestions(runner: StateRunner, { questions }: MadeCode) {
  let from = 0;
  const encode = ({ text, block }: MadeQuestion): EncodedQuestion => {
    const tokens = runner.encode(text).subarray(0, runner.room);
    const question = { tokens, block, from, to: from + tokens.length };
    from = question.to;
    return question;
  };
  const asked = questions.map(encode);
  const generic = GENERIC_QUESTIONS.map((text) => encode({ text, block: -1 }));
  return { asked, generic, tokens: from };
}

/** The keys of a file's blocks, by block and layer. As many blocks as there is room for are run together, as a segment is. */
async function blockKeys(runner: StateRunner, file: MadeFile): Promise<Float32Array[][]> {
  const header = runner.encode(headerText(file.path)).subarray(0, runner.room - SMALLEST_ROOM);
  const longest = Math.min(BLOCK_TOKENS, runner.room - header.length);
  const blocks = file.blocks.map((text) => runner.encode(text).subarray(0, longest));
  const result: Float32Array[][] = [];
  for (const segment of segments(blocks, runner.room - header.length)) {
    const tokens = Int32Array.from([header, ...segment].flatMap((part) => [...part]));
    const { keys } = await runner.run(tokens);
    let from = header.length;
    for (const { length } of segment) {
      const width = runner.shape.kvHeads * runner.shape.headDim;
      result.push(keys.map((layer) => layer.slice(from * width, (from + length) * width)));
      from += length;
    }
  }
  return result;
}

function segments(blocks: readonly Int32Array[], room: number): Int32Array[][] {
  const result: Int32Array[][] = [];
  let used = room;
  for (const block of blocks) {
    if (used + block.length > room) {
      result.push([]);
      used = 0;
    }
    result.at(-1)?.push(block);
    used += block.length;
  }
  return result;
}

function meanReciprocal(ranks: readonly number[]): number {
  return ranks.reduce((sum, rank) => sum + 1 / rank, 0) / ranks.length;
}
