/**
 * "Write the function NAME exactly": `{ours, text}`, the shares of exact copies from memory and with the same blocks as text in
 * the prompt, over functions of 8 to 25 lines of the reported corpora. `rereading` is from memory with the best blocks read
 * again as text. `--limit N` asks for N functions.
 */
import type { AskParams, LineRange } from "../../engine/protocol/requests.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { seededRandom } from "../support/random.ts";
import { askText, type Passage } from "./ask-text.ts";
import { type Copied, copied } from "./copies.ts";
import { type Corpus, openCorpora } from "./corpora.ts";
import { groupFunctions } from "./definitions.ts";
import { shuffled } from "./haystack.ts";
import { type Estimate, mean, proportion } from "./intervals.ts";
import { type EvalSession, type EvalWorkspace, openEval } from "./open-eval.ts";
import { sizedCorpus } from "./run-cases.ts";
import { type SourceFacts, sourceFacts } from "./source-facts.ts";

const SEED = 6;
const FUNCTIONS = 48;
const LINES = { fewest: 8, most: 25 };
/** As long as 25 long lines. */
const ANSWER_TOKENS = 512;
const PLAIN: Partial<AskParams> = { maxTokens: ANSWER_TOKENS };
const REREADING = { ...PLAIN, reread: true };

interface VerbatimResult {
  /** Exact copies but for white space. */
  ours: Estimate;
  text: Estimate;
  rereading: Estimate;
  /** `ours` less `text`, function by function. */
  difference: Estimate;
  /** Character by character. */
  strictly: { ours: Estimate; text: Estimate; rereading: Estimate };
  /** Mean share of a function's lines that were copied: a model that copies no function whole still differs here. */
  lines: { ours: Estimate; text: Estimate; rereading: Estimate };
  /** Every line of the function was among the chosen blocks. */
  chosen: Estimate;
  seed: number;
}

/** A function to copy. */
interface WantedFunction {
  name: string;
  place: LineRange;
  code: string;
}

interface Outcome {
  chosen: boolean;
  ours: Copied;
  text: Copied;
  rereading: Copied;
}

/** See the module. */
export async function run(options: BenchOptions): Promise<VerbatimResult> {
  const { dataDir, limit = FUNCTIONS, tell } = options;
  const corpora = await openCorpora(dataDir, "report", tell);
  const session = await openEval(options);
  const outcomes: Outcome[] = [];
  try {
    const count = (text: string) => session.loaded.encoder.tokenize(text).length;
    for (const corpus of corpora.map((whole) => sizedCorpus(dataDir, whole, count))) {
      const wanted = (await wantedFunctions(corpus.files)).slice(0, Math.ceil(limit / corpora.length));
      outcomes.push(...(await measureCorpus(session, corpus, wanted, tell)));
    }
  } finally {
    await session.close();
  }
  return figures(outcomes);
}

/** Functions whose name is theirs alone, in random order. */
async function wantedFunctions(files: ReadonlyMap<string, string>): Promise<WantedFunction[]> {
  const facts: SourceFacts = { functions: [], classes: [], constants: [] };
  for (const [path, text] of files) {
    const { functions, classes, constants } = await sourceFacts(path, text);
    facts.functions.push(...functions);
    facts.classes.push(...classes);
    facts.constants.push(...constants);
  }
  const wanted = groupFunctions(facts).flatMap(({ isUnique, name, body: { path, lines } }) => {
    const count = lines.last - lines.first + 1;
    if (!isUnique || count < LINES.fewest || count > LINES.most) return [];
    const code = (files.get(path) ?? "")
      .split("\n")
      .slice(lines.first - 1, lines.last)
      .join("\n");
    return [{ name, place: { path, startLine: lines.first, endLine: lines.last }, code }];
  });
  return shuffled(seededRandom(SEED), wanted);
}

async function measureCorpus(
  session: EvalSession,
  { folder, files }: Corpus,
  wanted: readonly WantedFunction[],
  tell: (text: string) => void,
): Promise<Outcome[]> {
  const memory = await session.open(folder);
  const outcomes: Outcome[] = [];
  try {
    for (const { name, place, code } of wanted) {
      const question = `Write the function ${name} exactly.`;
      const { answer, blocks } = await askChoosing(session, memory, question, PLAIN);
      const text = await askText(session, question, asPassages(blocks, files), ANSWER_TOKENS);
      const reread = await askChoosing(session, memory, question, REREADING);
      const outcome = {
        chosen: covers(blocks, place),
        ours: copied(answer, code),
        text: copied(text, code),
        rereading: copied(reread.answer, code),
      };
      tell(JSON.stringify({ name, place, ...outcome, answers: { answer, text, reread: reread.answer } }));
      outcomes.push(outcome);
    }
  } finally {
    await memory.close();
  }
  return outcomes;
}

/** The answer, and the blocks that were chosen for it, best first. */
async function askChoosing(
  { context }: EvalSession,
  { workspace, folder }: EvalWorkspace,
  question: string,
  params: Partial<AskParams>,
): Promise<{ answer: string; blocks: LineRange[] }> {
  let [answer, blocks]: [string, LineRange[]] = ["", []];
  for await (const event of workspace.ask({ folder, question, ...params }, context)) {
    if (event.type === "lookup") ({ blocks } = event);
    if (event.type === "end") ({ answer } = event.result);
  }
  return { answer, blocks };
}

/** The lines of the blocks as they stand in the window: file by file in file order, the best block's file last. */
export function asPassages(blocks: readonly LineRange[], files: ReadonlyMap<string, string>): Passage[] {
  const byPath = [...Map.groupBy(blocks, ({ path }) => path)].reverse();
  return byPath.map(([path, ranges]) => {
    const lines = (files.get(path) ?? "").split("\n");
    const kept = lines.filter((_, i) => ranges.some(({ startLine, endLine }) => startLine <= i + 1 && i < endLine));
    return { path, text: `${kept.join("\n")}\n` };
  });
}

function covers(blocks: readonly LineRange[], { path, startLine, endLine }: LineRange): boolean {
  const lines = Array.from({ length: endLine - startLine + 1 }, (_, i) => startLine + i);
  return lines.every((line) =>
    blocks.some((block) => block.path === path && block.startLine <= line && line <= block.endLine),
  );
}

function figures(outcomes: readonly Outcome[]): VerbatimResult {
  const share = (of: (outcome: Outcome) => boolean) => proportion(outcomes.map(of));
  return {
    ours: share(({ ours }) => ours.normalised),
    text: share(({ text }) => text.normalised),
    rereading: share(({ rereading }) => rereading.normalised),
    difference: mean(outcomes.map(({ ours, text }) => Number(ours.normalised) - Number(text.normalised))),
    strictly: {
      ours: share(({ ours }) => ours.strictly),
      text: share(({ text }) => text.strictly),
      rereading: share(({ rereading }) => rereading.strictly),
    },
    lines: {
      ours: mean(outcomes.map(({ ours }) => ours.lines)),
      text: mean(outcomes.map(({ text }) => text.lines)),
      rereading: mean(outcomes.map(({ rereading }) => rereading.lines)),
    },
    chosen: share(({ chosen }) => chosen),
    seed: SEED,
  };
}
