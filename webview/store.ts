/** The page's state: messages change it, and it is drawn at most once a frame. */
import type { HostMessage } from "./protocol/messages.ts";
import { initialState, type LocalMessage, reduceAll, type ViewState } from "./state.ts";
import { save, saved } from "./vscode-api.ts";

let state: ViewState = { ...initialState, mentions: saved().mentions };
let waiting: (HostMessage | LocalMessage)[] = [];
let draw: (state: ViewState) => void = () => {};

/** Draws the state now and whenever it has changed. */
export function follow(drawer: (state: ViewState) => void): void {
  draw = drawer;
  draw(state);
}

/** Changes the state by what the extension says. `reduce` ignores what it does not know; a hidden page draws when it is seen again. */
export function receive(message: HostMessage): void {
  if (waiting.push(message) === 1) requestAnimationFrame(apply);
}

/** Changes the state by what the user does, at once: the next key may already mean what it changed. */
export function dispatch(message: LocalMessage): void {
  waiting.push(message);
  apply();
}

function apply(): void {
  const { mentions } = state;
  state = reduceAll(state, waiting);
  waiting = [];
  if (state.mentions !== mentions) save({ mentions: [...state.mentions] });
  draw(state);
}
