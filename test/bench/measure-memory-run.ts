/** What a memory is asked, and the figures of one process. Imported by the measuring programs and by those that start them. */
import * as v from "valibot";
import { openModel } from "../../engine/models/open-model.ts";
import { createTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { largeFolder } from "../support/large-folder.ts";
import type { BenchOptions } from "./benchmark.ts";

/** Tokens of memory in the window. */
export const WINDOW_TOKENS = 1024;

/** The first warms up: it loads the look-up's index. All are about the haystack, Django's sources. */
export const QUESTIONS = [
  "Where is the request handler defined?",
  "How does Django escape HTML in a template?",
  "Which class validates an e-mail address?",
  "What does get_object_or_404 do when nothing is found?",
  "How are passwords hashed by default?",
  "Which middleware protects from cross site request forgery?",
];

const AskedTimes = v.object({
  lookupMs: v.number(),
  /** Placing the blocks into the window, behind the look-up. */
  fillMs: v.number(),
  /** From the question on, look-up and placing included. */
  firstTokenMs: v.number(),
  memoryTokens: v.number(),
  /** Tokens of the same blocks as text, and of the question. */
  reread: v.array(v.number()),
});
export type AskedTimes = v.InferOutput<typeof AskedTimes>;

/** One process that opened a folder's memory and asked `QUESTIONS`. */
export const MemoryTimes = v.object({
  tokens: v.number(),
  encodedTokens: v.number(),
  /** From opening the store until it is known to hold the folder as it is. */
  readyMs: v.number(),
  bytesPerToken: v.number(),
  /** After the questions, weights included. */
  rssBytes: v.number(),
  asked: v.array(AskedTimes),
});
export type MemoryTimes = v.InferOutput<typeof MemoryTimes>;

/** A folder of real sources with about `tokens` tokens. */
export async function haystackFolder({ dataDir, modelPath }: BenchOptions, tokens: number): Promise<string> {
  const source = await openModel(modelPath);
  const tokenizer = createTokenizer(source.tokenizerFiles);
  await source.close();
  return (await largeFolder(dataDir, tokens, (text) => tokenizer.encode(text).length)).folder;
}
