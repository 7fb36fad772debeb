/** The scripted engine's bare model: it says again what it was asked. */
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { CountTokensResult, GenerateEvent, GenerateParams } from "../../engine/protocol/generation.ts";

/** What a question with "fail" in it ends with. */
export const failure = {
  message: "Tensor blk.3.attn_q.weight lies past the end of the file.",
  meaning: "The model file is damaged or was not downloaded to its end.",
  remedy: "Delete it and download it again.",
};

/** Says the last message again; one with "endless" in it is answered until that is cancelled, one with "fail" fails. */
export async function* sayAgain(
  { messages, maxTokens = Infinity }: GenerateParams,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent> {
  const asked = messages.at(-1)?.text ?? "";
  if (asked.includes("fail")) throw new RepoMemoryError("model-invalid", failure);
  const words: string[] = [];
  for await (const word of asked.includes("endless") ? endless() : (`Asked: ${asked}`.match(/\s*\S+/g) ?? [])) {
    if (signal.aborted || words.length >= maxTokens) break;
    words.push(word);
    yield { type: "token", text: word };
    await yieldOnce();
  }
  const tokens = { prompt: 20, generated: words.length };
  const finish = signal.aborted ? "cancelled" : "stop";
  const timing = { firstTokenMs: 400, totalMs: 900 };
  yield { type: "end", result: { text: words.join(""), tokens, timing, finish } };
}

/** A token is a word. */
export function countWords(texts: readonly string[]): CountTokensResult {
  const counts = texts.map((each) => each.match(/\S+/g)?.length ?? 0);
  return { counts, perMessage: 4, model: { name: "Scripted", architecture: "llama", windowTokens: 8192 } };
}

export async function* endless(): AsyncGenerator<string> {
  for (let index = 0; ; index++) yield ` word${index}`;
}

/** Lets messages in, as the engine does between tokens. */
export function yieldOnce(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 8));
}
