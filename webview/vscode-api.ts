import type { ViewMessage } from "./protocol/messages.ts";
import { readSavedState, type SavedState } from "./saved-state.ts";

/** What VS Code gives to a webview's page. */
interface VsCodeApi {
  postMessage(message: ViewMessage): void;
  getState(): unknown;
  setState(state: SavedState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();
let kept = readSavedState(api.getState());

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
