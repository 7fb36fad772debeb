import * as v from "valibot";
import type { TokenizerFiles } from "../models/model-source.ts";
import type { ChatTurn } from "../protocol/requests.ts";
import { RepoMemoryError } from "../protocol/errors.ts";
import { guardLiteral, MEMORY_MARK } from "./literal-guard.ts";
import { findSpecialTokens } from "./special-tokens.ts";
import { renderTemplate } from "./template-interpreter.ts";
import type { ChatMessage } from "./tokenizer-api.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

/** A model's way of writing a conversation down. */
export interface ChatTemplate {
  /** Jinja; undefined when the checkpoint has none. */
  source: string | undefined;
  /** Texts of BOS and EOS, which templates may write; empty where there is none. */
  bos: string;
  eos: string;
  /** Texts that `encodeTemplate` would read as control tokens: broken with guards inside messages. */
  controls: readonly string[];
}

/** A conversation about the memory: the memory's text goes before the first user message's own. */
export interface MemoryChat {
  system: string;
  /** Earlier turns, oldest first. */
  history: readonly ChatTurn[];
  question: string;
}

/** A prompt without its memory, for `Tokenizer.encodeTemplate`: prefix + memory + suffix is the whole. */
export interface AroundMemory {
  /** Up to where the memory starts; depends on template and system text only, never on history or question. */
  prefix: string;
  /** The rest of the conversation, ending where the assistant begins to write. */
  suffix: string;
}

/** Newer configurations hold several named templates; `default` is the one for chats. */
const templateField = v.union([
  v.string(),
  v.pipe(
    v.array(v.object({ name: v.string(), template: v.string() })),
    v.transform((named) => (named.find(({ name }) => name === "default") ?? named[0])?.template),
  ),
]);

/** Finds the chat template of a checkpoint. @throws RepoMemoryError when its tokenizer is damaged. */
export function readChatTemplate(files: TokenizerFiles): ChatTemplate {
  const spec = readTokenizerJson(files);
  const { bos, eos } = findSpecialTokens(files.config, spec);
  const source = v.safeParse(templateField, files.config["chat_template"]);
  return {
    source: source.success ? source.output : undefined,
    bos: bos?.content ?? "",
    eos: eos?.content ?? "",
    controls: spec.addedTokens.filter((token) => token.control).map((token) => token.content),
  };
}

/**
 * The conversation as the model expects it, as text for `Tokenizer.encodeTemplate`. What looks like a control token
 * inside a message is broken by guards, which `encodeTemplate` takes out: messages are plain text to the model.
 * A model without a template gets `User: …` and `Assistant: …`.
 *
 * @throws RepoMemoryError `model-invalid` when the template fails.
 */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  { addGenerationPrompt }: { addGenerationPrompt: boolean },
): string {
  const guarded = messages.map(({ role, content }) => ({ role, content: guardLiteral(content, template.controls) }));
  return renderGuarded(template, guarded, addGenerationPrompt);
}

/**
 * Any chat, up to where the assistant begins to write, in the form that templates insist on: one system message at most, then user
 * and assistant in turns, the user first. Rendered as `renderChat` does.
 *
 * @throws RepoMemoryError `model-invalid` when the template fails.
 */
export function renderConversation(template: ChatTemplate, chat: readonly ChatMessage[]): string {
  const system = chat.flatMap(({ role, content }) => (role === "system" ? content : [])).join("\n\n");
  const turns = chat.flatMap(({ role, content }): ChatTurn[] => (role === "system" ? [] : [{ role, text: content }]));
  // An answer that comes first stays: nothing was asked before it.
  const asked: ChatTurn[] = turns[0]?.role === "user" ? turns : [{ role: "user", text: "" }, ...turns];
  const messages = alternating(asked).map(({ role, text }): ChatMessage => ({ role, content: text }));
  const [first] = messages;
  if (system !== "" && systemPlace(template, system) === "message")
    messages.unshift({ role: "system", content: system });
  else if (system !== "" && first) first.content = `${system}\n\n${first.content}`;
  return renderChat(template, messages, { addGenerationPrompt: true });
}

function renderGuarded(template: ChatTemplate, messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
  if (template.source === undefined) return renderPlain(template, messages, addGenerationPrompt);
  return renderTemplate(template.source, {
    messages,
    add_generation_prompt: addGenerationPrompt,
    bos_token: template.bos,
    eos_token: template.eos,
    // Qwen3 and its like would otherwise think aloud before every answer, at the user's expense.
    enable_thinking: false,
  });
}

const PLAIN_NAMES = { user: "User: ", assistant: "Assistant: ", system: "" };

function renderPlain(template: ChatTemplate, messages: readonly ChatMessage[], addGenerationPrompt: boolean): string {
  const turns = messages.map(({ role, content }) => `${PLAIN_NAMES[role]}${content}\n\n`);
  return template.bos + turns.join("") + (addGenerationPrompt ? "Assistant:" : "");
}

/** Where the system text goes: into a message of its own, or, where a template has no such role, before the first user's. */
type SystemPlace = "message" | "first-user-turn";

/**
 * The prompt around the memory. The memory stands at the start of the first user message and all history after it, so
 * that the prefix, and with it the memory's place, is the same for every question.
 *
 * @throws RepoMemoryError `model-invalid` when the template fails, or leaves out or doubles the first user message.
 */
export function chatAround(template: ChatTemplate, chat: MemoryChat): AroundMemory {
  const place = systemPlace(template, chat.system);
  const [prefix, ...rest] = renderMarked(template, place, chat).split(MEMORY_MARK);
  const [suffix] = rest;
  if (prefix === undefined || suffix === undefined || rest.length > 1) throw cannotPlace();
  return { prefix, suffix };
}

/** Some templates refuse system messages, drop them or move them to the last turn: tried with and without history. */
function systemPlace(template: ChatTemplate, system: string): SystemPlace {
  const short = probe(template, { system, history: [], question: "?" });
  const long = probe(template, { system, history: PROBE_HISTORY, question: "?" });
  return short !== undefined && short === long ? "message" : "first-user-turn";
}

const PROBE_HISTORY: readonly ChatTurn[] = [
  { role: "user", text: "?" },
  { role: "assistant", text: "." },
];

/** The prefix with a system message of its own; undefined when that cannot be rendered or leaves the system text out. */
function probe(template: ChatTemplate, chat: MemoryChat): string | undefined {
  try {
    const [prefix, ...rest] = renderMarked(template, "message", chat).split(MEMORY_MARK);
    const kept = prefix?.includes(guardLiteral(chat.system, template.controls).trim()) === true;
    return rest.length === 1 && kept ? prefix : undefined;
  } catch {
    return undefined;
  }
}

function renderMarked(template: ChatTemplate, place: SystemPlace, chat: MemoryChat): string {
  const guard = (text: string): string => guardLiteral(text, template.controls);
  const [first, ...later] = alternating([...chat.history, { role: "user", text: chat.question }]);
  const system = guard(chat.system);
  const inTurn = place === "first-user-turn" && system !== "" ? `${system}\n\n` : "";
  const messages: ChatMessage[] = [{ role: "user", content: inTurn + MEMORY_MARK + guard(first?.text ?? "") }];
  for (const { role, text } of later) messages.push({ role, content: guard(text) });
  if (place === "message" && system !== "") messages.unshift({ role: "system", content: system });
  return renderGuarded(template, messages, true);
}

/** Templates insist on user and assistant in turns, the user first: neighbours of one role are joined. */
function alternating(turns: readonly ChatTurn[]): ChatTurn[] {
  const joined: ChatTurn[] = [];
  for (const { role, text } of turns) {
    const last = joined.at(-1);
    if (last?.role === role) last.text += `\n\n${text}`;
    else if (last !== undefined || role === "user") joined.push({ role, text });
  }
  return joined;
}

function cannotPlace(): RepoMemoryError {
  return new RepoMemoryError("model-invalid", {
    message: "The model's chat template does not write the first user message exactly once.",
    meaning: "There is no place in the prompt for the memory.",
    remedy: "Choose another model, or another file of the same model.",
  });
}
