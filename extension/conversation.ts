import type { AnswerEvent, AskParams, CallContext, ChatTurn } from "../engine/protocol/requests.ts";
import type { HostMessage, Turn } from "../webview/protocol/messages.ts";
import { answerMeta, citations, errorCard, readSoFar } from "./view-model.ts";

/** Turns that are kept and shown; older ones go. */
const MOST_TURNS = 50;

/** Earlier turns that a question is asked with: a small model's window has room for few. */
const HISTORY_TURNS = 4;

/** What a question is made of, besides the settings. */
export type Question = Pick<AskParams, "question" | "selection" | "history">;

/** How a conversation reaches the engine, its views and its storage. */
export interface ConversationPorts {
  ask(question: Question, context: Pick<CallContext, "signal">): AsyncIterable<AnswerEvent>;
  tell(message: HostMessage): void;
  save(turns: readonly Turn[]): void;
}

/** The questions and answers of one window. Knows neither VS Code nor the engine's process. */
export class Conversation {
  readonly #ports: ConversationPorts;
  readonly #selections = new Map<number, AskParams["selection"]>();
  #turns: Turn[];
  #running: { turn: Turn; abort: AbortController } | undefined;

  /** `turns`: what was saved last time; turns that were cut off then are marked so. */
  constructor(ports: ConversationPorts, turns: readonly Turn[]) {
    this.#ports = ports;
    this.#turns = turns.map((turn) => (turn.state === "failed" ? turn : { ...turn, state: "done" as const }));
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** Asks, and returns when the answer is complete, stopped or failed. A question at a time: an earlier one is stopped. */
  async ask(question: string, selection?: AskParams["selection"]): Promise<void> {
    this.stop();
    const history = this.#history();
    const turn = newTurn((this.#turns.at(-1)?.id ?? 0) + 1, question, selection);
    this.#turns = [...this.#turns.slice(1 - MOST_TURNS), turn];
    if (selection) this.#selections.set(turn.id, selection);
    await this.#answer(turn, { question, history, ...(selection && { selection }) });
  }

  /** Asks a failed or stopped question again, as a new turn in its place. */
  async retry(id: number): Promise<void> {
    const turn = this.#turns.find((each) => each.id === id);
    if (!turn || this.#running?.turn.id === id) return;
    this.#turns = this.#turns.filter((each) => each.id !== id);
    this.#ports.tell({ type: "transcript", turns: [...this.#turns] });
    await this.ask(turn.question, this.#selections.get(id));
  }

  /** Stops the answer in progress; what is written stays. */
  stop(): void {
    this.#running?.abort.abort();
  }

  clear(): void {
    this.stop();
    this.#running = undefined;
    this.#turns = [];
    this.#selections.clear();
    this.#ports.tell({ type: "transcript", turns: [] });
    this.#ports.save([]);
  }

  async #answer(turn: Turn, question: Question): Promise<void> {
    const running = { turn, abort: new AbortController() };
    this.#running = running;
    this.#show(turn);
    try {
      const events = this.#ports.ask(question, { signal: running.abort.signal });
      for await (const event of events) this.#take(turn, event);
      if (turn.state !== "done") turn.state = "done";
    } catch (error) {
      this.#fail(turn, error, running.abort.signal.aborted);
    }
    if (this.#running === running) this.#running = undefined;
    this.#show(turn);
    if (this.#turns.includes(turn)) this.#ports.save(this.#turns);
  }

  #take(turn: Turn, event: AnswerEvent): void {
    switch (event.type) {
      case "lookup":
        turn.state = "reading";
        turn.found = {
          blocks: event.blocks.length,
          files: new Set(event.blocks.map(({ path }) => path)).size,
          tokens: event.memoryTokens,
          readSoFar: readSoFar(event.coverage),
        };
        return this.#show(turn);
      case "token":
        turn.state = "writing";
        turn.answer += event.text;
        return this.#tell(turn, { type: "token", id: turn.id, text: event.text });
      case "end":
        turn.state = "done";
        turn.answer = event.result.answer;
        turn.citations = citations(event.result.citations);
        turn.meta = answerMeta(event.result);
    }
  }

  #fail(turn: Turn, error: unknown, stopped: boolean): void {
    turn.state = stopped ? "done" : "failed";
    if (stopped) return;
    const card = errorCard(error);
    // A dead engine is started again without a button's help.
    turn.error = card.action === "restart" ? { ...card, action: undefined } : card;
  }

  #show(turn: Turn): void {
    this.#tell(turn, { type: "turn", turn: { ...turn } });
  }

  /** A turn that was cleared away has no view any more. */
  #tell(turn: Turn, message: HostMessage): void {
    if (this.#turns.includes(turn)) this.#ports.tell(message);
  }

  #history(): ChatTurn[] {
    const answered = this.#turns.filter(({ state, answer }) => state === "done" && answer !== "");
    return answered.slice(-HISTORY_TURNS).flatMap(({ question, answer }): ChatTurn[] => [
      { role: "user", text: question },
      { role: "assistant", text: answer },
    ]);
  }
}

function newTurn(id: number, question: string, selection: AskParams["selection"]): Turn {
  const { path, startLine, endLine } = selection ?? {};
  return {
    id,
    question,
    selection:
      path !== undefined && startLine !== undefined && endLine !== undefined ? { path, startLine, endLine } : undefined,
    answer: "",
    state: "waiting",
    found: undefined,
    citations: [],
    meta: undefined,
    error: undefined,
  };
}
