import type { AnswerEvent, AskParams, CallContext, ChatTurn } from "../engine/protocol/requests.ts";
import type { HostMessage } from "../webview/protocol/messages.ts";
import type { AnswerLink, Mention, Turn, Wishes } from "../webview/protocol/turn.ts";
import type { Localisation } from "./status/figures.ts";
import { answerMeta, citations, errorCard, readSoFar, sentences, windowBlocks } from "./view-model.ts";

/** Turns that are kept and shown; older ones go. */
const MOST_TURNS = 200;

/** Earlier turns that a question is asked with: a small model's window has room for few. */
const HISTORY_TURNS = 4;

/** What a question is made of, besides the settings; `mentions` have yet to become lines and files. */
export type Question = Pick<AskParams, "question" | "selection" | "history" | "ranges" | "parts"> &
  Wishes & { mentions: readonly Mention[] };

/** What a question is about, besides its words. */
export type Subject = Pick<AskParams, "selection" | "ranges" | "parts"> & {
  mentions?: readonly Mention[];
  /** What the model is asked, where that is more than what the chat shows. */
  asked?: string;
  /** Whether it stands for itself: earlier turns are not read again for it. */
  alone?: boolean;
};

/** How a conversation reaches the engine, its views and its storage. */
export interface ConversationPorts {
  ask(question: Question, context: Pick<CallContext, "signal">): AsyncIterable<AnswerEvent>;
  /** Words of a complete answer that name something which is there. */
  links(turn: Readonly<Turn>): Promise<AnswerLink[]>;
  /** The language that errors are told in. */
  l10n: Localisation;
  tell(message: HostMessage): void;
  /** Something that should outlive the window changed. */
  save(): void;
}

/** What a conversation starts with. */
export interface SavedConversation extends Wishes {
  turns: readonly Turn[];
}

/** The questions and answers of one chat. Knows neither VS Code nor the engine's process. */
export class Conversation {
  readonly #ports: ConversationPorts;
  readonly #subjects = new Map<number, Subject>();
  #turns: Turn[];
  #wishes: Wishes;
  #running: { turn: Turn; abort: AbortController } | undefined;

  /** `saved`: what was there last time; turns that were cut off then are marked so. */
  constructor(ports: ConversationPorts, { turns, pinned, excluded }: SavedConversation = nothing) {
    this.#ports = ports;
    this.#turns = turns.map((turn) => (turn.state === "failed" ? turn : { ...turn, state: "done" as const }));
    this.#wishes = { pinned: [...pinned], excluded: [...excluded] };
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  get wishes(): Readonly<Wishes> {
    return this.#wishes;
  }

  /** Asks, and returns when the answer is complete, stopped or failed. A question at a time: an earlier one is stopped. */
  async ask(question: string, selection?: AskParams["selection"], subject: Subject = {}): Promise<void> {
    this.stop();
    const history = this.#history();
    const about: Subject = { ...subject, ...(selection && { selection }) };
    const turn = newTurn((this.#turns.at(-1)?.id ?? 0) + 1, question, about);
    this.#turns = [...this.#turns.slice(1 - MOST_TURNS), turn];
    this.#subjects.set(turn.id, about);
    const { asked, alone = false, mentions = [], ...lines } = about;
    const words = { question: asked ?? question, history: alone ? [] : history };
    await this.#answer(turn, { ...lines, ...this.#wishes, mentions, ...words });
  }

  /** Asks a question again, or another one in its place. What came after it goes: it was said in reply to the answer. */
  async retry(id: number, question?: string, asked?: string): Promise<void> {
    const index = this.#turns.findIndex((each) => each.id === id);
    const turn = this.#turns[index];
    if (!turn) return;
    this.stop();
    this.#turns = this.#turns.slice(0, index);
    this.#ports.tell({ type: "turns", turns: this.#turns.map((each) => ({ ...each })) });
    const { selection, ...subject } = this.#subjects.get(id) ?? subjectOf(turn);
    // The longer question that a command made belongs to the words that it was made of.
    if (question !== undefined) delete subject.asked;
    const changed = { ...subject, ...(asked !== undefined && { asked }) };
    await this.ask(question ?? turn.question, selection, changed);
  }

  /** Stops the answer in progress; what is written stays. */
  stop(): void {
    this.#running?.abort.abort();
  }

  /** Keeps a file in the window or out of it from the next question on. */
  wish(path: string, wish: keyof Wishes | "none"): void {
    const without = (paths: readonly string[]) => paths.filter((each) => each !== path);
    const { pinned, excluded } = this.#wishes;
    this.#wishes = { pinned: without(pinned), excluded: without(excluded) };
    if (wish !== "none") this.#wishes[wish].push(path);
    this.#ports.tell({ type: "wishes", ...this.#wishes });
    this.#ports.save();
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
    await this.#link(turn);
    if (this.#turns.includes(turn)) this.#ports.save();
  }

  /** Links come after the answer: each is looked up on disk first. An answer without them is as good. */
  async #link(turn: Turn): Promise<void> {
    if (turn.answer === "") return;
    turn.links = await this.#ports.links(turn).catch(() => []);
    if (turn.links.length > 0) this.#show(turn);
  }

  #take(turn: Turn, event: AnswerEvent): void {
    switch (event.type) {
      case "lookup":
        turn.state = "reading";
        turn.window = windowBlocks(event.blocks);
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
        turn.sentences = sentences(event.result.sentences);
        turn.meta = answerMeta(event.result);
    }
  }

  #fail(turn: Turn, error: unknown, stopped: boolean): void {
    turn.state = stopped ? "done" : "failed";
    if (stopped) return;
    const card = errorCard(error, this.#ports.l10n);
    // A dead engine is started again without a button's help.
    turn.error = card.action === "restart" ? { ...card, action: undefined } : card;
  }

  #show(turn: Turn): void {
    this.#tell(turn, { type: "turn", turn: { ...turn } });
  }

  /** A turn that another one took the place of has no view any more. */
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

const nothing: SavedConversation = { turns: [], pinned: [], excluded: [] };

/** What a question of an earlier session was about: its selected text was not kept, its lines were. */
function subjectOf({ mentions, selection }: Turn): Subject {
  return { mentions, ...(selection && { ranges: [selection] }) };
}

function newTurn(id: number, question: string, { selection, mentions = [] }: Subject): Turn {
  const { path, startLine, endLine } = selection ?? {};
  return {
    id,
    question,
    selection:
      path !== undefined && startLine !== undefined && endLine !== undefined ? { path, startLine, endLine } : undefined,
    mentions: [...mentions],
    answer: "",
    state: "waiting",
    found: undefined,
    window: [],
    citations: [],
    sentences: [],
    links: [],
    meta: undefined,
    error: undefined,
  };
}
