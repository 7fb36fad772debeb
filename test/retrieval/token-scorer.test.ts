import { expect, onTestFinished, test, vi } from "vitest";
import { packEntry, TokenIndex } from "../../engine/retrieval/token-index.ts";
import { TokenScorer } from "../../engine/retrieval/token-scorer.ts";
import { DeviceFull, DeviceLost } from "../../engine/runtime/device-lost.ts";
import { Session } from "../../engine/runtime/session.ts";
import { seededRandom } from "../support/random.ts";
import {
  expectScoresWhileChanging,
  ChangingIndex,
  expectScores,
  LAYERS,
  randomBlock,
  randomEntry,
  randomQuestion,
  randomQuestions,
} from "../support/token-index.ts";

function open(index: TokenIndex): TokenScorer {
  const scorer = new TokenScorer(index, 1, "cpu");
  onTestFinished(() => scorer.close());
  return scorer;
}

test("scores are those of the definition, whatever came and went before", () => expectScoresWhileChanging(open, 2_100));

test("few blocks that go leave the other graphs as they are, many have theirs made again", async () => {
  const random = seededRandom(12);
  const index = new TokenIndex(LAYERS);
  const scorer = open(index);
  for (let block = 0; block < 2_048; block++) index.add(block, randomEntry(random));
  const asked = randomQuestions(3, random);
  await scorer.score(asked);
  const opened = vi.spyOn(Session, "open");
  onTestFinished(() => opened.mockRestore());
  await scorer.score(asked);
  for (let block = 0; block < 200; block++) index.remove(block);
  expect((await scorer.score(asked))[0]?.size).toBe(1_848);
  expect(opened).not.toHaveBeenCalled();
  for (let block = 200; block < 400; block++) index.remove(block);
  expect((await scorer.score(asked))[0]?.size).toBe(1_648);
  expect(opened).toHaveBeenCalledTimes(1);
});

test("of a pasted text, the tokens that weigh most are compared", async () => {
  const random = seededRandom(7);
  const index = new TokenIndex(LAYERS);
  const scorer = open(index);
  const stored = randomBlock(random);
  index.add(1, packEntry(stored));
  const long = randomQuestion(300, random);
  const heavy = { ...long, weights: long.weights.map((_, i) => (i % 30 === 7 ? 0.1 : 0)) };
  expectScores(await scorer.score([heavy, heavy]), new Map([[1, stored]]), [heavy, heavy]);
});

test("what changes while graphs are made is there for the next question", async () => {
  const random = seededRandom(8);
  const changing = new ChangingIndex(random, 1_100);
  const scorer = open(changing.index);
  const make = Session.open.bind(Session);
  const opened = vi.spyOn(Session, "open").mockImplementationOnce(async (...args) => {
    const session = await make(...args);
    changing.remove(0, 1_050);
    changing.add(2_000);
    return session;
  });
  onTestFinished(() => opened.mockRestore());
  const asked = randomQuestions(4, random);
  const [first] = await scorer.score(asked);
  // What went before all graphs were ready is not among their scores, and what came then is in none of them yet.
  expect([0, 1_050, 2_000].map((id) => first?.has(id))).toEqual([false, false, false]);
  expect(first?.size).toBe(1_098);
  expectScores(await scorer.score(asked), changing.live, asked);
});

test("questions that are asked at once have scores of their own", async () => {
  const random = seededRandom(8);
  const changing = new ChangingIndex(random, 100);
  const scorer = open(changing.index);
  const both = [randomQuestions(4, random), randomQuestions(2, random)];
  const scored = await Promise.all(both.map((asked) => scorer.score(asked)));
  for (const [i, asked] of both.entries()) expectScores(scored[i] ?? [], changing.live, asked);
});

test("a question of other layers than the index's is refused", () => {
  const scorer = open(new TokenIndex(LAYERS));
  expect(() => scorer.score([])).toThrow(RangeError);
});

test("without memory for a graph, the error is not about the model", async () => {
  const random = seededRandom(3);
  const { index } = new ChangingIndex(random, 10);
  const refused = vi.spyOn(Session, "open").mockRejectedValueOnce(new Error("std::bad_alloc"));
  onTestFinished(() => refused.mockRestore());
  const [scorer, asked] = [open(index), randomQuestions(2, random)];
  await expect(scorer.score(asked)).rejects.toMatchObject({ code: "out-of-memory" });
  expect((await scorer.score(asked))[0]?.size).toBe(10);
});

test("a device without room for all of an index is left alone, and has none of it", async () => {
  const random = seededRandom(6);
  const index = new TokenIndex(LAYERS);
  const scorer = open(index);
  for (let block = 0; block < 1_024; block++) index.add(block, randomEntry(random));
  const asked = randomQuestions(5, random);
  expect((await scorer.score(asked))[0]?.size).toBe(1_024);
  expect(scorer.bytes).toBeGreaterThan(0);
  for (let block = 1_024; block < 1_100; block++) index.add(block, randomEntry(random));
  // The graph of what is new does not fit beside the first one.
  const opened = vi.spyOn(Session, "open").mockRejectedValueOnce(new DeviceLost("no memory"));
  onTestFinished(() => opened.mockRestore());
  await expect(scorer.score(asked)).rejects.toThrow(DeviceFull);
  expect(scorer.bytes).toBe(0);
  await expect(scorer.score(asked)).rejects.toThrow(DeviceFull);
  expect(opened).toHaveBeenCalledTimes(1);
});
