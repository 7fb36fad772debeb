/** The calls that the engine answers, by name: what goes in, what comes out, in which units. Types only. */
import type { DeviceReason, DeviceStatus } from "./device.ts";
import type {
  CountTokensParams,
  CountTokensResult,
  GenerateEvent,
  GenerateParams,
  SamplingOptions,
} from "./generation.ts";
import type { Strategy } from "./strategy.ts";

export type { EngineOptions, Priority } from "./engine-options.ts";
export type { SamplingOptions } from "./generation.ts";
export type { Strategy, TrainedStrategy } from "./strategy.ts";

/** Paths are relative to `folder`, with `/`; lines are 1-based and inclusive. */
export interface LineRange {
  path: string;
  startLine: number;
  endLine: number;
}

/** A block of the memory with the reason's strength: larger is better, comparable within one answer only. */
export interface ScoredRange extends LineRange {
  score: number;
}

/**
 * What spoke most for a block: words of the question, what the model's states say of it, a name that it defines, its file's
 * name, that the one before it runs on in it, that the user pinned it, that its lines were asked for, or that all there is was
 * read.
 */
export type Why = "words" | "states" | "definition" | "file-name" | "neighbour" | "pinned" | "asked" | "all";

/** A block that was looked up, and why. */
export interface ChosenRange extends ScoredRange {
  why: Why;
}

export interface SkippedFile {
  path: string;
  /** For people: "binary", "larger than 1 MiB", "matches the secrets list (.env)", … */
  reason: string;
}

export interface IngestParams {
  /** Absolute path of the folder. */
  folder: string;
  /** Files that editors show, the one in front first: they are read before the others, then what they import. */
  open?: string[];
}

/** How much of a folder is in memory, in tokens; `of` is an estimate while files wait that were not read yet. */
export interface Coverage {
  tokens: number;
  of: number;
}

/** Files that changed on disk, or with `text`, what an unsaved editor holds. */
export interface ChangedParams {
  folder: string;
  files: { path: string; text?: string }[];
  /** As in `IngestParams`. */
  open?: string[];
}

export interface IngestResult {
  files: number;
  segments: number;
  blocks: number;
  /** Tokens in memory after the call. */
  tokens: number;
  /** Tokens that this call ran through the model; 0 when nothing had changed. */
  encodedTokens: number;
  skipped: SkippedFile[];
  seconds: number;
}

export interface ChatTurn {
  role: "user" | "assistant";
  text: string;
}

export interface AskParams extends SamplingOptions {
  folder: string;
  question: string;
  /** Earlier turns of the same chat, oldest first. */
  history?: ChatTurn[];
  /** Text that the user selected: put into the prompt as it is. */
  selection?: LineRange & { text: string };
  /** Files whose blocks stay in the window, and files that stay out of it; paths relative to the folder. */
  pinned?: string[];
  excluded?: string[];
  /** Lines whose blocks must be in the window, the most wanted first; what is not in memory is passed over. */
  ranges?: LineRange[];
  /**
   * What each part of the answer begins with, as if the model had written it: it goes on after each, until an empty line where
   * there are several.
   */
  parts?: string[];
  /** Reads the best blocks again as text: slower, for answers that copy code. */
  reread?: boolean;
  /** Tokens between look-ups while the answer is written; 0, the default, looks up once. */
  lookAgain?: number;
  /** "infllm" by default. */
  strategy?: Strategy;
  /** As in `RecallParams`. */
  compare?: boolean;
  maxTokens?: number;
}

/** Where a sentence of an answer comes from. `start` and `end` are UTF-16 offsets in the answer, `end` exclusive. */
export interface SentenceSources {
  start: number;
  end: number;
  /** The blocks that its tokens attended to, best first; scores are shares of the sentence's attention to memory. */
  blocks: ScoredRange[];
}

export interface AskResult {
  answer: string;
  /** The blocks that the answer's tokens attended to, best first; scores are shares of the attention to memory. */
  citations: ScoredRange[];
  /** The answer's sentences in order, each with its sources; none overlap, what is between them was read from nowhere. */
  sentences: SentenceSources[];
  /** Single lines of the memory that the answer's tokens attended to, best first; scores as in `citations`. */
  lines: ScoredRange[];
  /** Blocks that entered the window while the answer was written (`AskParams.lookAgain`). */
  recalled?: ChosenRange[];
  /** False where nothing in the memory clearly fits the question; the answer begins with that. */
  found: boolean;
  tokens: { prompt: number; memory: number; generated: number };
  timing: { lookupMs: number; firstTokenMs: number; totalMs: number };
  /** Why generation ended. */
  finish: "stop" | "length" | "cancelled";
  /** How much of the folder the answer could be taken from. */
  coverage?: Coverage;
}

export interface RecallParams {
  folder: string;
  question: string;
  /** How many blocks at most; 8 by default. */
  top?: number;
  /** Earlier turns of the same chat, oldest first: a follow-up is looked up with the question before it. */
  history?: ChatTurn[];
  /** Blocks are left out, the worst first, until their texts have no more tokens than this together. */
  maxTokens?: number;
  /** Whether the blocks' texts come along. */
  text?: boolean;
  /** Compares the folder with its memory first, for callers that tell of no changes; the first question of a process always does. */
  compare?: boolean;
}

/** A block that was looked up, with what it says. */
export interface RecalledBlock extends ChosenRange {
  tokens: number;
  /** Where it was asked for: the lines as they stand in memory. */
  text?: string;
}

/** A file that is in memory. */
export interface MemoryFile {
  path: string;
  bytes: number;
}

export interface RecallResult {
  /** Best first. */
  blocks: RecalledBlock[];
  /** How much of the folder was looked through. */
  coverage?: Coverage;
}

export interface StatusResult extends Omit<DeviceStatus, "deviceReason"> {
  folder: string;
  state: "empty" | "ingesting" | "paused" | "ready";
  files: number;
  blocks: number;
  tokens: number;
  /** What the stores of all folders take on disk, and what they may take (see `EngineOptions.diskBudgetBytes`). */
  storesBytes: number;
  budgetBytes: number;
  /** Size of this folder's store on disk. */
  bytes: number;
  model: ModelInfo | undefined;
  /** Known once the model is loaded. */
  deviceReason?: DeviceReason;
  /** How much of the folder is in memory; known once something has opened it. */
  coverage?: Coverage;
}

export interface ForgetParams {
  folder: string;
  /** Files or folders to forget; everything when absent. */
  paths?: string[];
}

export interface ForgetResult {
  files: number;
  blocks: number;
}

export interface TrainParams {
  /** Absolute paths of folders with source code; what they depend on is learnt from, too. */
  folders: string[];
}

/** Shares of held-out questions whose block was first, and among the first 8. */
export interface RecallFigures {
  at1: number;
  at8: number;
}

/** What training a model's look-up gave. */
export interface TrainResult {
  /** Pairs of a question and its block that were learnt from, and tokens that were run through the model. */
  pairs: number;
  tokens: number;
  seconds: number;
  /** Questions about projects that nothing was learnt from, and the blocks among which the right one had to be found. */
  questions: number;
  blocks: number;
  trained: RecallFigures;
  /** Of the projections that the model had before; of random ones where it had none. */
  before: RecallFigures;
  /** Whether the trained projections do better; they are then used from the next start on. */
  used: boolean;
}

export interface ModelInfo {
  name: string;
  /** Absolute path of the model file or folder, when it is on this machine. */
  path?: string;
  architecture?: string;
  parameters?: number;
  contextTokens?: number;
  /** Bytes on disk, or of the download. */
  bytes: number;
  license: string;
  state: "in-use" | "on-disk" | "downloadable";
  /** The program that keeps it, where that is another one. */
  source?: "ollama" | "lm-studio" | "hub-cache";
  /** Memory that a machine should have in all to run it. */
  minMemoryBytes?: number;
  /** Whether this machine gets it when none is named. */
  suggested?: boolean;
}

/** Progress of a long call. What is reported as done is durable. */
export interface Progress {
  phase: "download" | "convert" | "ingest" | "train";
  done: number;
  total: number;
  unit: "bytes" | "tokens" | "steps";
  /** Units a second over the last few seconds; 0 while not known. */
  rate: number;
  secondsLeft: number | undefined;
  /** The file or step in work. */
  detail?: string;
}

/** What `ask` tells while it works, in this order: `lookup` once, `token` many times, `end` once. */
export type AnswerEvent =
  | { type: "lookup"; blocks: ChosenRange[]; memoryTokens: number; lookupMs: number; coverage?: Coverage }
  | { type: "token"; text: string }
  | { type: "end"; result: AskResult };

/** Given to every long call. */
export interface CallContext {
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
}

/** Everything that an engine can do; implemented by `Engine` in its own process and by `EngineClient` over RPC. */
export interface EngineApi {
  ingest(params: IngestParams, context: CallContext): Promise<IngestResult>;
  ask(params: AskParams, context: CallContext): AsyncIterable<AnswerEvent>;
  recall(params: RecallParams, context: CallContext): Promise<RecallResult>;
  /** Continues a chat with the bare model: nothing of any memory enters it. */
  generate(params: GenerateParams, context: CallContext): AsyncIterable<GenerateEvent>;
  countTokens(params: CountTokensParams, context: CallContext): Promise<CountTokensResult>;
  /** The files in memory, by path; needs no model. */
  files(folder: string): Promise<MemoryFile[]>;
  /** A file's text as the memory holds it; undefined for what is not in memory. Nothing is read of the disk but the store. */
  fileText(folder: string, path: string): Promise<string | undefined>;
  status(folder: string): Promise<StatusResult>;
  forget(params: ForgetParams): Promise<ForgetResult>;
  models(): Promise<ModelInfo[]>;
  /** Trains the model's look-up, in minutes to an hour; one that was stopped goes on where it was. */
  train(params: TrainParams, context: CallContext): Promise<TrainResult>;
  /** Stops encoding after the file in work until `resume`; questions are still answered. */
  pause(folder: string): Promise<void>;
  resume(folder: string): Promise<void>;
  /** Hints that files changed: they are encoded ahead of all else, and questions wait. Texts are kept until the folder is in use. */
  changed(params: ChangedParams): Promise<void>;
  close(): Promise<void>;
}
