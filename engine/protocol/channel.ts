import * as v from "valibot";
import type { ChannelOptions } from "birpc";
import { MAX_MESSAGE_LENGTH } from "./rpc.ts";

/** A way to send strings to one other process or thread, in order. */
export interface Channel {
  send(message: string): void;
  /** Calls back for every message, of whatever type the other side sent. */
  onMessage(listener: (message: unknown) => void): void;
}

/** Calls take at most three arguments; identifiers and names are short. */
const Envelope = v.variant("t", [
  v.object({
    t: v.literal("q"),
    i: v.exactOptional(v.pipe(v.string(), v.maxLength(64))),
    m: v.pipe(v.string(), v.maxLength(64)),
    a: v.pipe(v.array(v.unknown()), v.maxLength(4)),
  }),
  v.object({
    t: v.literal("s"),
    i: v.pipe(v.string(), v.maxLength(64)),
    r: v.exactOptional(v.unknown()),
    e: v.exactOptional(v.unknown()),
  }),
]);

/** Reads one message; throws when it is too long, no JSON or no message of the RPC. */
export function readMessage(message: unknown): unknown {
  if (typeof message !== "string") throw new TypeError("An RPC message must be a string.");
  if (message.length > MAX_MESSAGE_LENGTH) throw new RangeError(`An RPC message has ${message.length} characters.`);
  return v.parse(Envelope, JSON.parse(message));
}

/** Writes one message; throws when it is too long, so that the caller and not the other side gets the error. */
export function writeMessage(message: unknown): string {
  const text = JSON.stringify(message);
  if (text.length > MAX_MESSAGE_LENGTH) throw new RangeError(`An RPC message has ${text.length} characters.`);
  return text;
}

/** What birpc needs to speak over `channel`: bounded, checked JSON; only a table's own functions can be called. */
export function overChannel(channel: Channel): ChannelOptions {
  return {
    post: (message: string) => channel.send(message),
    on: (listener) => channel.onMessage(listener),
    serialize: writeMessage,
    deserialize: readMessage,
    bind: "functions",
  };
}
