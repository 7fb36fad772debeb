/** What the scripted engine answers where the beginnings of an answer's parts are given: explanations, and code. */
import type { AskParams } from "../../engine/protocol/requests.ts";

const FENCE = "```";

/** What a model could be made to write by a hostile file: nothing of it may do anything but be read. */
export const HOSTILE = `<script>document.title = "taken"</script><img src="https://example.com/pixel.png" onerror="document.title = 'taken'">

![pixel](https://example.com/pixel.png) [run](command:workbench.action.quit) [js](javascript:alert(1))
[web](https://example.com/page) ![x](https://example.com/a.svg#"onload=alert(1)) [data](data:text/html,x) [file](file:///etc/passwd)

<iframe src="https://example.com/"></iframe><form action="https://example.com/"><button data-action="apply">Go</button></form>
<meta http-equiv="refresh" content="0;url=https://example.com/"><style>@import "https://example.com/x.css";</style>

\u001b]8;;https://example.com/\u0007terminal\u001b]8;;\u0007 \u001b[31mred\u001b[0m

${FENCE}html"><img src=x onerror=alert(1)>
<svg onload="document.title = 'taken'"></svg>
${FENCE}

See ../../../etc/passwd, /etc/passwd:1 and \`constructor\`.
`;

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

/** For a question about its parameters: what else the engine was asked with, as a block of JSON. */
export function answerWithParams(params: AskParams): string | undefined {
  const { question, pinned, excluded, ranges, selection, history } = params;
  if (!question.includes("params")) return undefined;
  const told = { question, pinned, excluded, ranges, selection, history: history?.length };
  return `${FENCE}json\n${JSON.stringify(told, undefined, 1)}\n${FENCE}\n`;
}

/** The selected code, less what the opening has of it, with `Confg` spelt right and `var` made `const`. */
function rewritten(code: string, opening: string): string {
  const given = opening.split("\n").length - 2;
  return code.split("\n").slice(given).join("\n").replaceAll("Confg", "Config").replaceAll("var ", "const ");
}
