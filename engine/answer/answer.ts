/** From a question to a stream of answer events. */
import type { DecodingState } from "../inference/decoding-state.ts";
import type { LanguageModel } from "../inference/language-model.ts";
import type { Head } from "../inference/observed-layers.ts";
import type { Excerpt, PromptWriter } from "../inference/prompt.ts";
import type { BlockSlots } from "../memory/block-window.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { AnswerEvent, AskParams, AskResult, ChosenRange } from "../protocol/requests.ts";
import { AttentionTally } from "./citations.ts";
import { generateParts, givenTokens } from "./generate-parts.ts";
import { lookAgain, type Refill } from "./look-again.ts";
import { lineShares, type TokenTexts } from "./line-shares.ts";

const DEFAULT_MAX_TOKENS = 256;
/** Tokens that an answer is left room for at least. */
const SHORTEST_ANSWER = 64;

/** A memory in place, and what is known of it. */
export interface FilledMemory {
  state: DecodingState;
  /** What lies where in the attention window; empty where the memory is no part of it. */
  slots: BlockSlots[];
  /** The heads whose attention tells an answer's sources; the model's retrieval heads where it is left out. */
  sourceHeads?: readonly Head[];
  /** Whether the memory ends in a file's open fence; where it is left out, it does so if there are slots. */
  opensFence?: boolean;
  /** Tokens that a memory outside of the window was made of. */
  readTokens?: number;
  /** What was looked up, best first; for plain attention, all there is. */
  chosen: ChosenRange[];
  /** The best of them as text, for `AskParams.reread`. */
  excerpts?: Excerpt[];
  /** The blocks' texts by id, as far as they are known. */
  texts?: ReadonlyMap<number, string>;
  /** Whether anything in the memory fits the question; where not, the answer says so. True where it is left out. */
  found?: boolean;
  /** How it is looked up for again; absent where everything is in the window. */
  again?: Refill;
  lookupMs: number;
}

/** Generates an answer from a memory in place. Its last event is `end`, also when it is cancelled while it is written. */
export async function* answer(
  model: LanguageModel,
  prompt: PromptWriter,
  params: AskParams,
  started: number,
  filled: FilledMemory,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const { state, slots, chosen, lookupMs } = filled;
  const { parts = [] } = params;
  const memoryTokens = filled.readTokens ?? slots.reduce((sum, { from, to }) => sum + to - from, 0);
  yield { type: "lookup", blocks: chosen, memoryTokens, lookupMs };
  const found = isFitting(filled, params);
  const suffix = fitSuffix(
    prompt,
    params,
    filled,
    state.positions - state.length - SHORTEST_ANSWER - givenTokens(state.tokenizer, parts),
  );
  const promptTokens = state.length + suffix.length;
  const tally = new AttentionTally(slots, filled.sourceHeads ?? model.attentionHeads.retrieval);
  const options = { ...params, maxTokens: params.maxTokens ?? DEFAULT_MAX_TOKENS, signal };
  // Broad questions fit nothing in particular, and may be answered all the same: so the doubt is said, and not the last word.
  let text = found ? "" : DOUBT;
  if (!found) yield { type: "token", text };
  let generated = 0;
  let firstTokenMs = 0;
  const recalled: ChosenRange[] = [];
  let finish: AskResult["finish"] = "stop";
  for await (const step of generateParts(state, suffix, parts, options)) {
    if (firstTokenMs === 0 && !step.isGiven) firstTokenMs = performance.now() - started;
    generated = step.tokens;
    if (step.attention) tally.add(step.attention.weights, step.attention.width);
    else if (step.isGiven) tally.interrupt();
    else tally.wrote(text.length, text.length + step.text.length);
    if (step.text !== "") yield { type: "token", text: step.text };
    text += step.text;
    if (step.attention && isDue(generated, params)) recalled.push(...(await recallMore(filled, params, text, tally)));
    if (step.repeated) text = text.slice(0, -step.repeated);
    finish = step.finish ?? finish;
  }
  const start = text.length - text.trimStart().length;
  const end = Math.max(start, text.trimEnd().length);
  const result: AskResult = {
    answer: text.slice(start, end),
    citations: tally.citations(),
    sentences: tally.sentences(text, start, end),
    lines: lineShares(tally.slots, tally.slotShares, tokenTexts(model, filled.texts)),
    ...(recalled.length > 0 ? { recalled } : {}),
    found,
    tokens: { prompt: promptTokens, memory: memoryTokens, generated },
    timing: { lookupMs, firstTokenMs, totalMs: performance.now() - started },
    finish,
  };
  yield { type: "end", result };
}

function isDue(generated: number, { lookAgain: every = 0 }: AskParams): boolean {
  return every > 0 && generated > 0 && generated % every === 0;
}

async function recallMore(
  { again }: FilledMemory,
  { question }: AskParams,
  text: string,
  tally: AttentionTally,
): Promise<ChosenRange[]> {
  if (!again) return [];
  return lookAgain(again, question, text, tally);
}

/** Whether there is something to answer from; what the chat or a selection is about needs nothing of the memory. */
function isFitting({ found }: FilledMemory, { selection, history = [] }: AskParams): boolean {
  return found !== false || selection !== undefined || history.length > 0;
}

function tokenTexts({ tokenizer }: LanguageModel, texts: FilledMemory["texts"]): TokenTexts {
  return {
    idsOf: ({ id }) => {
      const text = texts?.get(id);
      return text === undefined ? undefined : tokenizer.encode(text);
    },
    bytesOf: (id) => tokenizer.bytes(id),
  };
}

/** What is said before an answer that may well be made up. */
const DOUBT = "Nothing in this folder's memory clearly fits the question; this may be a guess.\n\n";

/**
 * The prompt's end, cut to `room` tokens: what is read again goes first, then earlier turns, the oldest before the others, then the end of the
 * selection. @throws RepoMemoryError "usage" where the question alone is longer
 */
function fitSuffix(prompt: PromptWriter, params: AskParams, filled: FilledMemory, room: number): Int32Array {
  const { question, selection } = params;
  const hasMemory = filled.opensFence ?? filled.slots.length > 0;
  let excerpts = params.reread === true ? (filled.excerpts ?? []) : [];
  let history = params.history ?? [];
  let text = selection?.text ?? "";
  for (;;) {
    const cut = { question, history, excerpts, ...(selection ? { selection: { ...selection, text } } : {}) };
    const suffix = prompt.suffix(cut, hasMemory);
    if (suffix.length <= room) return suffix;
    if (excerpts.length > 0) excerpts = excerpts.slice(0, -1);
    else if (history.length > 0) history = history.slice(1);
    else if (text.length > 0) text = text.slice(0, Math.floor(text.length / 2));
    else throw tooLong(suffix.length, room);
  }
}

function tooLong(tokens: number, room: number): RepoMemoryError {
  return new RepoMemoryError("usage", {
    message: `The question has ${tokens} tokens; the model takes ${Math.max(0, room)}.`,
    remedy: "Ask something shorter, or choose a model with a longer context.",
  });
}
