import { expect, test } from "vitest";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { AnswerEvent, AskResult } from "../../engine/protocol/requests.ts";
import { Conversation, type Question } from "../../extension/conversation.ts";
import { EventQueue } from "../../extension/event-queue.ts";
import type { HostMessage } from "../../webview/protocol/messages.ts";
import type { Turn } from "../../webview/protocol/turn.ts";
import { english } from "../support/english.ts";
import { madeTurn } from "../support/turns.ts";

const block = { path: "src/a.ts", startLine: 3, endLine: 9 };

function result(answer: string, changes: Partial<AskResult> = {}): AskResult {
  return {
    answer,
    citations: [
      { ...block, score: 0.13 },
      { ...block, path: "b.ts", score: 0.12 },
    ],
    sentences: [],
    lines: [],
    found: true,
    tokens: { prompt: 20, memory: 256, generated: 2 },
    timing: { lookupMs: 4, firstTokenMs: 90, totalMs: 200 },
    finish: "stop",
    ...changes,
  };
}

/** A conversation whose engine says what the test tells it to, one queue of events a question. */
function converse(turns: Turn[] = [], wishes = { pinned: [], excluded: [] }) {
  const asked: { question: Question; signal: AbortSignal; events: EventQueue<AnswerEvent> }[] = [];
  const told: HostMessage[] = [];
  const saved: (readonly Turn[])[] = [];
  const conversation = new Conversation(
    {
      ask: (question, { signal }) => {
        const events = new EventQueue<AnswerEvent>();
        asked.push({ question, signal, events });
        return events;
      },
      links: async ({ answer }) => (answer.includes("src/a.ts") ? [{ text: "src/a.ts", ...block }] : []),
      tell: (message) => told.push(message),
      l10n: english,
      save: () => saved.push(structuredClone(conversation.turns)),
    },
    { turns, ...wishes },
  );
  const say = (index: number, ...events: AnswerEvent[]) => {
    for (const event of events) asked[index]?.events.push(event);
    if (events.some(({ type }) => type === "end")) asked[index]?.events.end();
  };
  return { conversation, asked, told, saved, say };
}

test("a question becomes a turn that is told step by step, and is saved when it is done", async () => {
  const { conversation, told, saved, say } = converse();
  const asking = conversation.ask("Where?");
  say(0, { type: "lookup", blocks: [{ ...block, score: 1, why: "words" }], memoryTokens: 256, lookupMs: 4 });
  say(0, { type: "token", text: "In a" }, { type: "token", text: ".ts" }, { type: "end", result: result("In a.ts") });
  await asking;
  const states = told.map((message) => (message.type === "turn" ? message.turn.state : message.type));
  expect(states).toEqual(["waiting", "reading", "token", "token", "done"]);
  expect(conversation.turns[0]?.window).toEqual([{ ...block, score: 1, why: "words" }]);
  expect(saved.at(-1)).toMatchObject([
    { question: "Where?", answer: "In a.ts", found: { blocks: 1, files: 1, tokens: 256 }, meta: { finish: "stop" } },
  ]);
  expect(conversation.turns[0]?.citations.map(({ share }) => share)).toEqual([0.13, 0.12]);
});

test("an answer from a part of the folder says how large a part", async () => {
  const { conversation, say } = converse();
  const lookup = { type: "lookup" as const, blocks: [], memoryTokens: 0, lookupMs: 4 };
  for (const [index, tokens] of [340, 1000].entries()) {
    const asking = conversation.ask("Where?");
    say(index, { ...lookup, coverage: { tokens, of: 1000 } }, { type: "end", result: result("Here.") });
    await asking;
  }
  expect(conversation.turns.map(({ found }) => found?.readSoFar)).toEqual([0.34, undefined]);
});

test("the answers so far go along with the next question, failed ones do not", async () => {
  const { conversation, asked, say } = converse();
  const first = conversation.ask("One?");
  say(0, { type: "end", result: result("1") });
  await first;
  const second = conversation.ask("Two?");
  asked[1]?.events.fail(new RepoMemoryError("internal", { message: "broken" }));
  await second;
  void conversation.ask("Three?");
  expect(asked[2]?.question.history).toEqual([
    { role: "user", text: "One?" },
    { role: "assistant", text: "1" },
  ]);
  say(2, { type: "end", result: result("3") });
});

test("a failure becomes a card; a stop keeps what was written", async () => {
  const { conversation, asked, say } = converse();
  const failing = conversation.ask("One?");
  asked[0]?.events.fail(new RepoMemoryError("model-invalid", { message: "No model.", remedy: "Get one." }));
  await failing;
  expect(conversation.turns[0]).toMatchObject({
    state: "failed",
    error: { message: "No model.", remedy: "Get one.", action: "showLog" },
  });
  const stopping = conversation.ask("Two?");
  say(1, { type: "token", text: "Half" });
  conversation.stop();
  expect(asked[1]?.signal.aborted).toBe(true);
  asked[1]?.events.fail(new RepoMemoryError("cancelled", { message: "Cancelled." }));
  await stopping;
  expect(conversation.turns[1]).toMatchObject({ state: "done", answer: "Half", error: undefined });
});

test("asking again takes the place of the turn, with its selection", async () => {
  const { conversation, asked, say } = converse();
  const selection = { path: "src/a.ts", startLine: 1, endLine: 2, text: "code" };
  const asking = conversation.ask("Explain", selection);
  say(0, { type: "end", result: result("x") });
  await asking;
  const again = conversation.retry(1);
  say(1, { type: "end", result: result("y") });
  await again;
  expect(conversation.turns).toMatchObject([{ question: "Explain", answer: "y" }]);
  expect(asked[1]?.question).toMatchObject({ selection });
});

test("a question that is changed and sent again drops what came after it", async () => {
  const { conversation, asked, told, say } = converse([madeTurn(1), madeTurn(2), madeTurn(3)]);
  const asking = conversation.retry(2, "Another?");
  say(0, { type: "end", result: result("Other.") });
  await asking;
  expect(conversation.turns).toMatchObject([
    { question: "question 1" },
    { id: 2, question: "Another?", answer: "Other." },
  ]);
  expect(told[0]).toMatchObject({ type: "turns", turns: [{ id: 1 }] });
  expect(asked[0]?.question.history).toMatchObject([{ text: "question 1" }, { text: "answer 1" }]);
});

test("what is still said about a turn that another took the place of is not shown", async () => {
  const { conversation, told, say } = converse();
  const asking = conversation.ask("Where?");
  const again = conversation.retry(1);
  const before = told.length;
  say(0, { type: "token", text: "late" }, { type: "end", result: result("late") });
  await asking;
  expect(told.length).toBe(before);
  say(1, { type: "end", result: result("new") });
  await again;
  expect(conversation.turns).toMatchObject([{ answer: "new" }]);
});

test("links are told after the answer is complete", async () => {
  const { conversation, told, say } = converse();
  const asking = conversation.ask("Where?");
  say(0, { type: "end", result: result("In src/a.ts.") });
  await asking;
  const turns = told.flatMap((message) => (message.type === "turn" ? message.turn : []));
  expect(turns.map(({ state, links }) => [state, links.length])).toEqual([
    ["waiting", 0],
    ["done", 0],
    ["done", 1],
  ]);
});

test("files that are pinned or left out go with every later question, and are saved", async () => {
  const { conversation, asked, told, saved, say } = converse();
  conversation.wish("src/a.ts", "pinned");
  conversation.wish("b.ts", "excluded");
  conversation.wish("b.ts", "pinned");
  conversation.wish("src/a.ts", "none");
  expect(told.at(-1)).toEqual({ type: "wishes", pinned: ["b.ts"], excluded: [] });
  expect(saved).toHaveLength(4);
  const asking = conversation.ask("Where?");
  expect(asked[0]?.question).toMatchObject({ pinned: ["b.ts"], excluded: [] });
  say(0, { type: "end", result: result("x") });
  await asking;
});

test("a command asks the model more than the chat shows; changed words are asked as they are", async () => {
  const { conversation, asked, say } = converse();
  const asking = conversation.ask("/where port", undefined, { asked: "Where is port defined?" });
  expect(asked[0]?.question.question).toBe("Where is port defined?");
  say(0, { type: "end", result: result("x") });
  await asking;
  expect(conversation.turns[0]?.question).toBe("/where port");
  const again = conversation.retry(1, "And the host?");
  expect(asked[1]?.question.question).toBe("And the host?");
  say(1, { type: "end", result: result("y") });
  await again;
});

test("a turn that was cut off by closing the window is not open when it comes back", () => {
  const kept = madeTurn(4, { answer: "Half", state: "writing" });
  expect(converse([kept]).conversation.turns).toMatchObject([{ id: 4, state: "done", answer: "Half" }]);
});
