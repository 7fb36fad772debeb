/** The engine's terms in the panel's: what is plain data for RPC becomes plain data for a person. */
import type { ErrorCode } from "../engine/protocol/errors.ts";
import type {
  AskResult,
  ChosenRange,
  Coverage,
  Progress,
  ScoredRange,
  SentenceSources,
} from "../engine/protocol/requests.ts";
import type { EngineView, Meter } from "../webview/protocol/messages.ts";
import type { AnswerMeta, Citation, ErrorAction, ErrorCard, Sentence, WindowBlock } from "../webview/protocol/turn.ts";
import type { EngineState } from "./engine-process.ts";
import type { Localisation } from "./status/figures.ts";
import { toldError } from "./status/told-error.ts";

/** Sources that are shown under an answer; attention beyond these is spread thin. */
const MOST_CITATIONS = 8;

/** Blocks that the memory's list shows: more than any window of today holds. */
const MOST_WINDOW_BLOCKS = 256;

/** Sentences that are shown with their sources, and sources of each. */
const MOST_SENTENCES = 500;
const MOST_OF_SENTENCE = 4;

/** Any thrown value as a card, with the button that its code suggests. */
export function errorCard(thrown: unknown, l10n: Localisation): ErrorCard {
  const { code, ...told } = toldError(thrown, l10n);
  return { ...told, action: actionFor[code] };
}

/** What helps against each kind of error. */
const actionFor: Record<ErrorCode, ErrorAction | undefined> = {
  "model-not-found": "download",
  "download-failed": "download",
  "engine-died": "restart",
  "out-of-memory": "restart",
  "store-failed": "read",
  "disk-full": "read",
  "folder-not-found": "read",
  "model-invalid": "showLog",
  "model-unsupported": "showLog",
  internal: "showLog",
  usage: undefined,
  cancelled: undefined,
};

/** Progress as a meter; a total that is not known yet (0) stays 0. */
export function meter({ detail, secondsLeft, ...progress }: Progress): Meter {
  return { ...progress, secondsLeft, detail };
}

/** The supervisor's state as the panel shows it. */
export function engineView(state: EngineState, l10n: Localisation): EngineView {
  if (state.kind === "stopped") return { kind: "off" };
  if (state.kind === "starting") return { kind: "starting" };
  if (state.kind === "restarting") return { kind: "restarting", attempt: state.attempt };
  if (state.kind === "failed") return { kind: "failed", error: errorCard(state.error, l10n) };
  return { kind: "ready" };
}

/** The best sources. Their scores are shares of the attention to all of the memory already, also of what is not among them. */
export function citations(ranges: readonly ScoredRange[]): Citation[] {
  return ranges.slice(0, MOST_CITATIONS).map(({ path, startLine, endLine, score }) => {
    return { path, startLine, endLine, share: Math.min(1, Math.max(0, score)) };
  });
}

/** The blocks in the window, best first. */
export function windowBlocks(blocks: readonly ChosenRange[]): WindowBlock[] {
  return blocks.slice(0, MOST_WINDOW_BLOCKS).map(({ path, startLine, endLine, score, why }) => {
    return { path, startLine, endLine, score, why };
  });
}

/** Where each sentence comes from: the few blocks that it was taken from most. */
export function sentences(all: readonly SentenceSources[]): Sentence[] {
  return all.slice(0, MOST_SENTENCES).map(({ start, end, blocks }) => {
    return { start, end, blocks: citations(blocks).slice(0, MOST_OF_SENTENCE) };
  });
}

/** The share of the folder that is in memory; undefined when that is all of it. */
export function readSoFar(coverage: Coverage | undefined): number | undefined {
  return coverage === undefined || coverage.tokens >= coverage.of ? undefined : coverage.tokens / coverage.of;
}

/** What an answer took, flat. */
export function answerMeta({ tokens, timing, finish }: AskResult): AnswerMeta {
  return {
    promptTokens: tokens.prompt,
    memoryTokens: tokens.memory,
    generatedTokens: tokens.generated,
    lookupMs: timing.lookupMs,
    firstTokenMs: timing.firstTokenMs,
    totalMs: timing.totalMs,
    finish,
  };
}
