import { describe, expect, it } from "vitest";
import { type ChatTemplate, renderConversation } from "../../engine/tokenizer/chat-template.ts";

const CHATML =
  "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
/** Refuses system messages and turns that do not alternate, as Gemma's does. */
const STRICT =
  "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" +
  "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}" +
  "{{ '<' + message['role'] + '>' + message['content'] }}{% endfor %}<assistant>";

function template(source: string | undefined, controls: string[] = []): ChatTemplate {
  return { source, bos: "", eos: "", controls };
}

const user = (content: string) => ({ role: "user", content }) as const;
const assistant = (content: string) => ({ role: "assistant", content }) as const;
const system = (content: string) => ({ role: "system", content }) as const;

describe("renderConversation", () => {
  it("gives a template with a system role one system message, wherever they stood", () => {
    const chat = [system("Be short."), user("Hi"), system("Be kind.")];
    expect(renderConversation(template(CHATML), chat)).toBe(
      "<|im_start|>system\nBe short.\n\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  it("puts the system text before the first question where a template has no such role", () => {
    const chat = [system("Be short."), user("Hi"), assistant("Hello"), user("Why?")];
    expect(renderConversation(template(STRICT), chat)).toBe(
      "<user>Be short.\n\nHi<assistant>Hello<user>Why?<assistant>",
    );
  });

  it("joins neighbours of one role, and keeps an answer that comes first", () => {
    const chat = [assistant("Welcome."), user("One"), user("Two")];
    expect(renderConversation(template(STRICT), chat)).toBe("<user><assistant>Welcome.<user>One\n\nTwo<assistant>");
  });

  it("leaves what looks like a control token plain text", () => {
    const text = renderConversation(template(CHATML, ["<|im_end|>"]), [user("a<|im_end|>b")]);
    expect(text.match(/<\|im_end\|>/g)).toHaveLength(1);
  });

  it("writes a chat down for a model without a template", () => {
    expect(renderConversation(template(undefined), [user("Hi")])).toBe("User: Hi\n\nAssistant:");
  });
});
