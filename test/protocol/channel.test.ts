import { expect, test } from "vitest";
import { readMessage, writeMessage } from "../../engine/protocol/channel.ts";
import { MAX_MESSAGE_LENGTH } from "../../engine/protocol/rpc.ts";
import { randomInteger, seededRandom } from "../support/random.ts";

const call = { t: "q", i: "7", m: "call", a: [1, "status", { folder: "/x" }] };

test("what one side writes the other reads", () => {
  expect(readMessage(writeMessage(call))).toEqual(call);
});

test.each([
  ["no string", 7],
  ["no JSON", "{"],
  ["no message", "[]"],
  ["another kind", JSON.stringify({ ...call, t: "x" })],
  ["a name of great length", JSON.stringify({ ...call, m: "x".repeat(65) })],
  ["too many arguments", JSON.stringify({ ...call, a: [1, 2, 3, 4, 5] })],
  ["too long", JSON.stringify({ ...call, a: ["x".repeat(MAX_MESSAGE_LENGTH)] })],
])("%s is refused", (_, message) => {
  expect(() => readMessage(message)).toThrow(Error);
});

test("a message with any byte changed is read as a message or refused", () => {
  const random = seededRandom(4);
  const text = writeMessage(call);
  for (let i = 0; i < 2000; i++) {
    const at = randomInteger(random, text.length);
    const changed = text.slice(0, at) + String.fromCharCode(32 + randomInteger(random, 95)) + text.slice(at + 1);
    try {
      expect(readMessage(changed)).toHaveProperty("t");
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
    }
  }
});
