/**
 * A hundred edits of a folder of real files, after each a question about the edited place: is anything answered from old text,
 * and how long does an edit take until it is in memory? Beside each edit the prefill of the edited file alone.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Store } from "../../engine/store/store.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { largeFolder } from "../support/large-folder.ts";
import { randomInteger, seededRandom } from "../support/random.ts";
import { type Edit, EDIT_KINDS, makeEdits, type Texts } from "./edit-cases.ts";
import { names } from "./eval-case.ts";
import { type Estimate, proportion } from "./intervals.ts";
import { type EvalSession, type EvalWorkspace, openEval } from "./open-eval.ts";

const SEED = 11;
const EDITS = 100;
/** Tokens of the sources that files are taken from. */
const SOURCE_TOKENS = 400_000;
/** Lines of a file, at least and at most. */
const LINES = { min: 40, max: 280 };
/** Blocks that are recalled for each question. */
const TOP = 8;
const ANSWER_TOKENS = 24;
const RESAMPLES = 1_000;

/** What came of one edit. Times in milliseconds. */
interface Outcome {
  edit: Edit;
  /** Blocks with text that their file does not have (any more), or with what was to be gone. */
  staleBlocks: number;
  /** The answer says what was to be gone. */
  staleAnswer: boolean;
  /** A recalled block holds the new text; undefined where nothing new is there to be found. */
  found: boolean | undefined;
  answered: boolean | undefined;
  /** From the hint that the file changed until a question's blocks were found, less `recallMs`: what the question waited for the change. */
  freshMs: number;
  /** Finding the same question's blocks with nothing to wait for. */
  recallMs: number;
  /** From the hint until the blocks were found, all in all. */
  askedMs: number;
  /** Reading the edited file alone, without memory; undefined where there is none. */
  prefillMs: number | undefined;
}

interface EditFigures {
  edits: number;
  stale: number;
  freshP95Ms: number;
  freshOverPrefill: number;
}

/** Low and high end of a 95 % interval. */
type Interval = [number, number];

/** What the evaluation prints. `freshOverPrefill` is the 95th percentile of each edit's own ratio. */
export interface EditsResult extends EditFigures {
  staleShare: Estimate;
  found: Estimate;
  answered: Estimate;
  freshP95Interval: Interval;
  freshOverPrefillInterval: Interval;
  medianOverPrefill: number;
  recallMedianMs: number;
  /** From the change until a question about it has its blocks, look-up and likelihoods included, at the 95th percentile. */
  askedP95Ms: number;
  kinds: Record<string, EditFigures>;
  tokens: number;
  seed: number;
}

/** See the module. `--limit N` makes the first N edits. */
export async function run(options: BenchOptions): Promise<EditsResult> {
  const session = await openEval(options);
  try {
    const files = await shortFiles(session, options.dataDir);
    const { texts, edits } = makeEdits(files, SEED);
    const folder = join(options.dataDir, "eval", "folders", "edits");
    rmSync(folder, { recursive: true, force: true });
    for (const [path, text] of texts) write(folder, path, text);
    const outcomes: Outcome[] = [];
    const memory = await session.open(folder);
    const editing = new Editing(session, memory, texts);
    try {
      for (const edit of edits.slice(0, options.limit ?? EDITS)) {
        outcomes.push(await editing.make(edit));
        options.tell(line(outcomes));
      }
    } finally {
      await editing.close();
    }
    return { ...figures(outcomes), tokens: memory.tokens, seed: SEED };
  } finally {
    await session.close();
  }
}

/** Some of the sources' files, by chance, that are neither trivial nor long. */
async function shortFiles(session: EvalSession, dataDir: string): Promise<Texts> {
  const count = (text: string) => session.loaded.encoder.tokenize(text).length;
  const { files } = await largeFolder(dataDir, SOURCE_TOKENS, count);
  const lines = (text: string) => text.split("\n").length;
  const fit = files.filter(({ text }) => lines(text) >= LINES.min && lines(text) <= LINES.max);
  if (fit.length < EDITS) throw new Error(`${fit.length} files are of the right length, and ${EDITS} are wanted`);
  const random = seededRandom(SEED);
  while (fit.length > EDITS) fit.splice(randomInteger(random, fit.length), 1);
  return new Map(fit.map(({ path, text }) => [path, text]));
}

/** Makes edits in a folder that is in memory, and keeps what each file holds now. */
class Editing {
  readonly #session: EvalSession;
  readonly #memory: EvalWorkspace;
  readonly #store: Store;
  readonly #now: Map<string, string>;

  constructor(session: EvalSession, memory: EvalWorkspace, texts: Texts) {
    this.#session = session;
    this.#memory = memory;
    this.#store = new Store(memory.storePath, () => undefined);
    // An earlier run made the same edits: what is left of them would make these free.
    this.#store.pruneUnused();
    this.#now = new Map(texts);
  }

  async close(): Promise<void> {
    this.#store.close();
    await this.#memory.close();
  }

  async make(edit: Edit): Promise<Outcome> {
    const before = await this.#prefill(edit);
    const hints = this.#apply(edit);
    const { workspace } = this.#memory;
    const started = performance.now();
    await workspace.changed(hints);
    const blocks = await this.#recall(edit);
    const asked = performance.now();
    await this.#recall(edit);
    const recallMs = performance.now() - asked;
    const askedMs = asked - started;
    const answer = await this.#memory.ask(edit.question, { maxTokens: ANSWER_TOKENS });
    const after = await this.#prefill(edit);
    const value = edit.wanted?.split(" = ")[1];
    return {
      edit,
      staleBlocks: blocks.filter((block) => this.#isStale(block, edit)).length,
      staleAnswer: edit.gone.some((text) => answer.includes(text)),
      found: edit.wanted === undefined ? undefined : blocks.some((block) => this.#holds(block, edit)),
      answered: value === undefined ? undefined : names(answer, { answers: [value] }),
      freshMs: Math.max(0, askedMs - recallMs),
      askedMs,
      recallMs,
      prefillMs: before === undefined || after === undefined ? undefined : (before + after) / 2,
    };
  }

  /** Changes the folder (an unsaved text changes no file), and returns the hints that an editor would send. */
  #apply({ kind, before, after, text }: Edit): { path: string; text?: string }[] {
    if (before !== undefined) this.#now.delete(before);
    if (after !== undefined) this.#now.set(after, text);
    if (kind === "unsaved text" && after !== undefined) return [{ path: after, text }];
    const { folder } = this.#memory;
    if (before !== undefined && before !== after) rmSync(join(folder, before));
    if (after !== undefined) write(folder, after, text);
    return [...new Set([before, after])].flatMap((path) => (path === undefined ? [] : { path }));
  }

  /** Path and text of the blocks that a question brings. */
  async #recall({ question }: Edit): Promise<{ path: string; text: string }[]> {
    const ranges = await this.#memory.recall(question, TOP);
    return this.#store.read((reader) => {
      const placed = new Map(reader.placed().map((block) => [place(block), block.id]));
      return ranges.map((range) => ({ path: range.path, text: reader.text(placed.get(place(range)) ?? -1) ?? "" }));
    });
  }

  #isStale({ path, text }: { path: string; text: string }, { gone }: Edit): boolean {
    const now = this.#now.get(path);
    return text === "" || now === undefined || !now.includes(text) || gone.some((old) => text.includes(old));
  }

  #holds({ path, text }: { path: string; text: string }, { wanted, after }: Edit): boolean {
    return wanted !== undefined && path === after && text.includes(wanted);
  }

  async #prefill({ after, text }: Edit): Promise<number | undefined> {
    if (after === undefined) return undefined;
    const { model, encoder } = this.#session.loaded;
    const tokens = encoder.tokenize(text);
    const window = model.window(tokens.length);
    const started = performance.now();
    await model.read(window, tokens, 0);
    return performance.now() - started;
  }
}

function place({ path, startLine, endLine }: { path: string; startLine: number; endLine: number }): string {
  return `${path}:${startLine}-${endLine}`;
}

function write(folder: string, path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
  if (readFileSync(join(folder, path), "utf8") !== text) throw new Error(`${path} was not written as it is`);
}

function figures(outcomes: readonly Outcome[]): Omit<EditsResult, "tokens" | "seed"> {
  const known = <T>(values: readonly (T | undefined)[]): T[] => values.flatMap((value) => value ?? []);
  const fresh = outcomes.map(({ freshMs }) => freshMs);
  const ratios = ratiosOf(outcomes);
  const kinds = EDIT_KINDS.map((kind) => [kind, short(outcomes.filter(({ edit }) => edit.kind === kind))] as const);
  return {
    ...short(outcomes),
    staleShare: proportion(outcomes.map(isStale)),
    found: proportion(known(outcomes.map((outcome) => outcome.found))),
    answered: proportion(known(outcomes.map((outcome) => outcome.answered))),
    freshP95Interval: interval(fresh),
    freshOverPrefillInterval: interval(ratios),
    medianOverPrefill: percentile(ratios, 0.5),
    recallMedianMs: percentile(
      outcomes.map(({ recallMs }) => recallMs),
      0.5,
    ),
    askedP95Ms: percentile(
      outcomes.map(({ askedMs }) => askedMs),
      0.95,
    ),
    kinds: Object.fromEntries(kinds),
  };
}

function short(outcomes: readonly Outcome[]): EditFigures {
  return {
    edits: outcomes.length,
    stale: outcomes.filter(isStale).length,
    freshP95Ms: percentile(
      outcomes.map(({ freshMs }) => freshMs),
      0.95,
    ),
    freshOverPrefill: percentile(ratiosOf(outcomes), 0.95),
  };
}

function ratiosOf(outcomes: readonly Outcome[]): number[] {
  return outcomes.flatMap(({ freshMs, prefillMs }) => (prefillMs === undefined ? [] : freshMs / prefillMs));
}

function isStale({ staleBlocks, staleAnswer }: Outcome): boolean {
  return staleBlocks > 0 || staleAnswer;
}

/** The nearest rank; 0 of nothing. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Of the 95th percentile, by resampling. */
function interval(values: readonly number[]): Interval {
  const random = seededRandom(SEED);
  const resampled = Array.from({ length: RESAMPLES }, () =>
    percentile(
      values.map(() => values[randomInteger(random, values.length)] ?? 0),
      0.95,
    ),
  );
  return [percentile(resampled, 0.025), percentile(resampled, 0.975)];
}

function line(outcomes: readonly Outcome[]): string {
  const last = outcomes.at(-1);
  if (last === undefined) return "";
  const { edit, freshMs, prefillMs, recallMs, found } = last;
  const ratio = prefillMs === undefined ? "-" : (freshMs / prefillMs).toFixed(2);
  const stale = outcomes.filter(isStale).length;
  return `${outcomes.length} ${edit.kind}: fresh ${freshMs.toFixed(0)} ms (look-up ${recallMs.toFixed(0)}), ${ratio} of prefill, found ${String(found)}, ${stale} stale`;
}
