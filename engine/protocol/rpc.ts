import type { CountTokensParams, CountTokensResult, GenerateEvent, GenerateParams } from "./generation.ts";
import type {
  AnswerEvent,
  AskParams,
  ChangedParams,
  EngineOptions,
  ForgetParams,
  ForgetResult,
  IngestParams,
  IngestResult,
  MemoryFile,
  ModelInfo,
  Progress,
  RecallParams,
  RecallResult,
  StatusResult,
  TrainParams,
  TrainResult,
} from "./requests.ts";
import type { PlainError } from "./errors.ts";

/** Raised by one whenever a call, an event or their fields change; both sides must agree. */
export const PROTOCOL_VERSION = 2;

/** Longest message either way, in UTF-16 units: some files' unsaved text at a time, and far below what would hurt a process. */
export const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;

/** What the engine can be asked over RPC: `EngineApi` with one object of parameters a call, and `open` before all. */
export interface Calls {
  /** Must succeed once before any other call. Cheap: the model is loaded by the first call that needs it. */
  open: { params: OpenParams; result: null };
  ingest: { params: IngestParams; result: IngestResult };
  /** The answer comes as `answer` events; the reply only says that there are no more. */
  ask: { params: AskParams; result: null };
  recall: { params: RecallParams; result: RecallResult };
  /** The text comes as `generated` events; the reply only says that there are no more. */
  generate: { params: GenerateParams; result: null };
  countTokens: { params: CountTokensParams; result: CountTokensResult };
  files: { params: { folder: string }; result: MemoryFile[] };
  /** Null for what is not in memory. */
  fileText: { params: { folder: string; path: string }; result: string | null };
  status: { params: { folder: string }; result: StatusResult };
  forget: { params: ForgetParams; result: ForgetResult };
  models: { params: Record<string, never>; result: ModelInfo[] };
  train: { params: TrainParams; result: TrainResult };
  pause: { params: { folder: string }; result: null };
  resume: { params: { folder: string }; result: null };
  changed: { params: ChangedParams; result: null };
  /** Ends the engine; its process exits after the reply. */
  close: { params: Record<string, never>; result: null };
}

export type CallName = keyof Calls;

/** Like `EngineOptions`; the engine's process fills in the folder for its data where it is absent. */
export type OpenParams = Omit<EngineOptions, "dataDir"> & { dataDir?: string };

/** A call's outcome. Errors are data here: an `Error` would lose its fields on the way. */
export type Reply<T> = { ok: true; value: T } | { ok: false; error: PlainError };

/** What an engine process says of itself before anything else is asked of it. */
export interface Handshake {
  protocol: number;
  pid: number;
  /** Versions of Node and of Node-API that the process runs on. */
  node: string;
  napi: number;
}

/** Progress of a call, told to every view, not only to who called. */
export interface ProgressEvent {
  /** The call's number. */
  id: number;
  call: CallName;
  /** The folder that the call is about. */
  folder?: string;
  progress: Progress;
}

/** What the engine's side answers. */
export interface EngineFunctions {
  /** Answered at once, also while the model works. */
  hello(): Promise<Handshake>;
  /** Answered at once: a process that does not is stuck or gone. */
  ping(): Promise<"pong">;
  call<N extends CallName>(id: number, name: N, params: Calls[N]["params"]): Promise<Reply<Calls[N]["result"]>>;
  /** Aborts the call with this number; unknown numbers are ignored, since a reply may be on its way. */
  cancel(id: number): void;
}

/** What the asking side answers: events of calls that it made. */
export interface ClientFunctions {
  progress(event: ProgressEvent): void;
  answer(id: number, event: AnswerEvent): void;
  generated(id: number, event: GenerateEvent): void;
}
