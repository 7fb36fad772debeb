import type { ViewMessage } from "./protocol/messages.ts";

/** What VS Code gives to a webview's page. */
interface VsCodeApi {
  postMessage(message: ViewMessage): void;
  getState(): unknown;
  setState(state: SavedState): void;
}

/** What survives while the panel is hidden: its page is thrown away then. */
interface SavedState {
  /** The question that is being written. */
  draft: string;
  /** The chat that is shown; "" before the extension named one. */
  chat: string;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();
let kept = read(api.getState());

/** Asks something of the extension. */
export function send(message: ViewMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- VS Code's own method, not the window's
  api.postMessage(message);
}

/** What was there when the panel was hidden. */
export function saved(): Readonly<SavedState> {
  return kept;
}

/** Keeps something for when the panel is shown again. */
export function save(change: Partial<SavedState>): void {
  kept = { ...kept, ...change };
  api.setState(kept);
}

function read(state: unknown): SavedState {
  const known = typeof state === "object" && state !== null ? { ...state } : {};
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  return { draft: "draft" in known ? text(known.draft) : "", chat: "chat" in known ? text(known.chat) : "" };
}
