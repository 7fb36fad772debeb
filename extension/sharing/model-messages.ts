/** Messages and options of VS Code's language-model API in the engine's terms. */
import * as vscode from "vscode";
import * as v from "valibot";
import type { ChatMessage, GenerateParams } from "../../engine/protocol/generation.ts";

type Message = vscode.LanguageModelChatRequestMessage;

/** Options as providers commonly name them; what is odd is passed over, since callers write for many models. */
const Options = v.object({
  temperature: v.fallback(v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(10))), undefined),
  topP: v.fallback(v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))), undefined),
  topK: v.fallback(v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))), undefined),
  seed: v.fallback(v.optional(v.pipe(v.number(), v.safeInteger())), undefined),
  maxTokens: v.fallback(v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_536))), undefined),
  stop: v.fallback(v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.maxLength(64))), undefined),
});

export function readMessage(message: Message): ChatMessage {
  return { role: roleOf(message.role), text: messageText(message) };
}

/** A message's text; of what a tool gave, its text as well. Images are nothing to this model. */
export function messageText({ content }: Message): string {
  return content.map(partText).join("");
}

/** Sampling options, also in the spelling of other providers. */
export function readModelOptions(options: Readonly<Record<string, unknown>> = {}): Omit<GenerateParams, "messages"> {
  const { top_p: topP, top_k: topK, max_tokens: maxTokens, stop } = options;
  const named = { topP, topK, maxTokens, ...options, stop: typeof stop === "string" ? [stop] : stop };
  const known = Object.entries(v.parse(Options, named));
  return Object.fromEntries(known.filter(([, value]) => value !== undefined));
}

function partText(part: unknown): string {
  if (part instanceof vscode.LanguageModelTextPart) return part.value;
  if (part instanceof vscode.LanguageModelToolResultPart) return part.content.map(partText).join("");
  return "";
}

/** VS Code's own system messages have a role that its types do not name. */
function roleOf(role: vscode.LanguageModelChatMessageRole): ChatMessage["role"] {
  if (role === vscode.LanguageModelChatMessageRole.Assistant) return "assistant";
  return role === vscode.LanguageModelChatMessageRole.User ? "user" : "system";
}
