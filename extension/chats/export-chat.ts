/** A chat as a document that other programs read. */
import type { Place, Turn } from "../../webview/protocol/turn.ts";
import type { SavedChat } from "./saved-chat.ts";

/** A chat as Markdown: questions as headings, answers as they were written, then the lines that they were taken from. */
export function chatMarkdown(title: string, { created, turns }: SavedChat): string {
  const date = new Date(created).toISOString().slice(0, 10);
  return [`# ${oneLine(title)}`, `*${date}, Repo Memory*`, ...turns.flatMap(turnMarkdown)].join("\n\n") + "\n";
}

/** A chat as JSON: everything that is known of it, in a form that stays. */
export function chatJson(title: string, { created, turns, pinned, excluded }: SavedChat): string {
  const exported = turns.map(({ question, selection, mentions, answer, citations, sentences, meta, error }) => {
    return { question, selection, mentions, answer, citations, sentences, meta, error: error?.message };
  });
  return `${JSON.stringify({ title, created: new Date(created).toISOString(), pinned, excluded, turns: exported }, undefined, 2)}\n`;
}

function turnMarkdown({ question, selection, answer, error, citations }: Turn): string[] {
  const [first = "", ...rest] = question.trim().split("\n");
  const sources = citations.map((citation) => `- \`${placeText(citation)}\` (${Math.round(citation.share * 100)} %)`);
  return [
    `## ${oneLine(first)}`,
    ...(rest.length > 0 ? [rest.join("\n")] : []),
    ...(selection ? [`About \`${placeText(selection)}\``] : []),
    ...(answer ? [answer.trim()] : []),
    ...(error ? [`> ${oneLine(error.message)}`] : []),
    ...(sources.length > 0 ? [`Sources:\n\n${sources.join("\n")}`] : []),
  ];
}

function placeText({ path, startLine, endLine }: Place): string {
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
