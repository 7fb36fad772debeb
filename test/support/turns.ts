import type { Turn } from "../../webview/protocol/turn.ts";

/** A turn that was answered, with `changes`. */
export function madeTurn(id: number, changes: Partial<Turn> = {}): Turn {
  return {
    id,
    question: `question ${id}`,
    mentions: [],
    answer: `answer ${id}`,
    state: "done",
    window: [],
    citations: [],
    sentences: [],
    links: [],
    ...changes,
  };
}
