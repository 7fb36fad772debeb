import type { LanguageModel } from "../inference/language-model.ts";
import type { PromptWriter } from "../inference/prompt.ts";
import type { MemoryStrategy } from "../memory/memory-strategy.ts";
import type { AnswerEvent, AskParams } from "../protocol/requests.ts";
import type { Asked } from "../retrieval/named-blocks.ts";
import { answer } from "./answer.ts";
import type { WindowFiller } from "./fill-window.ts";

/** Characters of a selection, and of the question before, that help the look-up; more would drown the question. */
const SELECTION_CHARACTERS = 600;
const BEFORE_CHARACTERS = 300;

/** The strategy `infllm`: one look-up chooses blocks, which stand in the attention window of every layer. */
export class BlockMemory implements MemoryStrategy {
  private readonly model: LanguageModel;
  private readonly prompt: PromptWriter;
  private readonly filler: WindowFiller;

  constructor({ model, prompt }: { model: LanguageModel; prompt: PromptWriter }, filler: WindowFiller) {
    this.model = model;
    this.prompt = prompt;
    this.filler = filler;
  }

  async *ask(params: AskParams, started: number, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const filled = await this.filler.fill(askedFor(params), params, signal);
    yield* answer(this.model, this.prompt, params, started, filled, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What the look-up goes by: the question with the selection that it is about, and the question before it. */
export function askedFor({
  question,
  history = [],
  selection,
}: Pick<AskParams, "question" | "history" | "selection">): Asked {
  const about = selection?.text.slice(0, SELECTION_CHARACTERS) ?? "";
  const before = history.findLast((turn) => turn.role === "user")?.text.slice(0, BEFORE_CHARACTERS) ?? "";
  return { question: about === "" ? question : `${about}\n${question}`, before };
}
