import type { ViewMessage } from "./protocol/messages.ts";

/** What VS Code gives to a webview's page. */
interface VsCodeApi {
  postMessage(message: ViewMessage): void;
  getState(): unknown;
  setState(state: SavedState): void;
}

/** What survives while the panel is hidden: its page is thrown away then. */
interface SavedState {
  draft: string;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

/** Asks something of the extension. */
export function send(message: ViewMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- VS Code's own method, not the window's
  api.postMessage(message);
}

/** The question that was being written when the panel was hidden. */
export function savedDraft(): string {
  const state = api.getState();
  if (typeof state !== "object" || state === null || !("draft" in state)) return "";
  return typeof state.draft === "string" ? state.draft : "";
}

/** Keeps the question that is being written. */
export function saveDraft(draft: string): void {
  api.setState({ draft });
}
