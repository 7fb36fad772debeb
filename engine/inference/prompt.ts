/** The fixed words around a question: they decide the prefix's tokens, and with them every stored block. */
import { extname } from "node:path";
import type { TokenizerFiles } from "../models/model-source.ts";
import type { ChatMessage } from "../protocol/generation.ts";
import type { ChatTurn, LineRange } from "../protocol/requests.ts";
import { type ChatTemplate, chatAround, readChatTemplate, renderConversation } from "../tokenizer/chat-template.ts";
import type { Tokenizer } from "../tokenizer/tokenizer-api.ts";

/** Counts up when prefix or headers change: blocks encoded behind others are then of no use. */
export const PROMPT_VERSION = 1;

const SYSTEM = "You are a coding assistant. Answer the question about the code base from the files.";
const CLOSING = "\n```\n\n";

/** Names that Markdown fences use, by file extension; any other extension stands for itself. */
const FENCES: Readonly<Record<string, string>> = {
  py: "python",
  ts: "typescript",
  tsx: "tsx",
  js: "javascript",
  mjs: "javascript",
  cjs: "javascript",
  rs: "rust",
  rb: "ruby",
  md: "markdown",
  yml: "yaml",
  sh: "bash",
  h: "c",
  hpp: "cpp",
  cc: "cpp",
  cs: "csharp",
  kt: "kotlin",
};

/** What a file's segments stand behind: its path and an opening fence. */
export function headerText(path: string): string {
  const extension = extname(path).slice(1).toLowerCase();
  return `File: ${path}\n\`\`\`${FENCES[extension] ?? extension}\n`;
}

/** What stands between a file's text and a question. */
export const QUESTION_LEAD = `${CLOSING}Question: `;

/** Lines of a file with their text. */
export interface Excerpt extends LineRange {
  text: string;
}

/** What is asked, besides the memory. */
export interface Prompt {
  question: string;
  history?: readonly ChatTurn[];
  /** Lines of the memory that are read again as text. */
  excerpts?: readonly Excerpt[];
  selection?: Excerpt;
}

/** Renders prompts with a model's own chat template. */
export class PromptWriter {
  /** Tokens of the fixed beginning, up to where the memory stands. */
  readonly prefix: Int32Array;
  private readonly tokenizer: Tokenizer;
  private readonly template: ChatTemplate;

  constructor(tokenizer: Tokenizer, files: TokenizerFiles) {
    this.tokenizer = tokenizer;
    this.template = readChatTemplate(files);
    this.prefix = tokenizer.encodeTemplate(this.around({ question: "" }).prefix);
  }

  /** Tokens that come after the memory: the end of its last fence, the question and the opening of the answer. */
  suffix(prompt: Prompt, hasMemory: boolean): Int32Array {
    const { suffix } = this.around(prompt);
    return this.tokenizer.encodeTemplate(hasMemory ? CLOSING + suffix : suffix);
  }

  /** Tokens of a chat without memory, up to where the assistant begins to write. */
  chat(messages: readonly ChatMessage[]): Int32Array {
    const plain = messages.map(({ role, text }) => ({ role, content: text }));
    return this.tokenizer.encodeTemplate(renderConversation(this.template, plain));
  }

  /** What the template adds to each message, in tokens. */
  tokensPerMessage(): number {
    const [user, assistant] = [{ role: "user", text: "?" } as const, { role: "assistant", text: "?" } as const];
    const two = this.chat([user, assistant, user]).length - this.chat([user]).length;
    return Math.ceil(two / 2) - this.tokenizer.encode("?").length;
  }

  private around({ question, history = [], excerpts = [], selection }: Prompt): { prefix: string; suffix: string } {
    const quote = (from: string, { path, startLine, endLine, text }: Excerpt) =>
      `${from} ${path}, lines ${startLine}-${endLine}:\n\`\`\`\n${text}${CLOSING}`;
    const again = excerpts.map((excerpt) => quote("From", excerpt)).join("");
    const selected = selection ? quote("Selected in", selection) : "";
    const asked = `${again}${selected}Question: ${question}`;
    return chatAround(this.template, { system: SYSTEM, history, question: asked });
  }
}
