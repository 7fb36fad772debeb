/** What the scripted engine answers where the beginnings of an answer's parts are given: explanations, and code. */
import type { AskParams } from "../../engine/protocol/requests.ts";

const FENCE = "```";

/** The answer to a question with parts; undefined for one without. Words in the selected code decide what goes wrong. */
export function answerInParts({ parts = [], question, selection }: AskParams): string | undefined {
  const [opening] = parts;
  if (opening === undefined) return undefined;
  if (parts.length > 1) return parts.map((part) => `${part} what the script says.`).join("");
  const code = selection?.text ?? "";
  if (code.includes("answer: prose")) return `${opening}\n${FENCE}\nI would rather explain it.`;
  if (opening.endsWith("/**\n *")) return `${opening} Says what it does. It is scripted.\n */\n${FENCE}\n`;
  if (question.startsWith("Write tests")) return `${opening}.ok(true, "scripted");\n${FENCE}\n`;
  return `${opening}${rewritten(code, opening)}\n${FENCE}\nThat is all.`;
}

/** The selected code, less what the opening has of it, with `Confg` spelt right and `var` made `const`. */
function rewritten(code: string, opening: string): string {
  const given = opening.split("\n").length - 2;
  return code.split("\n").slice(given).join("\n").replaceAll("Confg", "Config").replaceAll("var ", "const ");
}
