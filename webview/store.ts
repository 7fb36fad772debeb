/** The page's state: messages change it, and it is drawn at most once a frame. */
import type { HostMessage } from "./protocol/messages.ts";
import { initialState, type LocalMessage, reduceAll, type ViewState } from "./state.ts";

let state = initialState;
let waiting: (HostMessage | LocalMessage)[] = [];
let draw: (state: ViewState) => void = () => {};

/** Draws the state now and whenever it has changed. */
export function follow(drawer: (state: ViewState) => void): void {
  draw = drawer;
  draw(state);
}

/** Changes the state. `reduce` ignores what it does not know; a hidden page draws when it is seen again. */
export function dispatch(message: HostMessage | LocalMessage): void {
  if (waiting.push(message) === 1) requestAnimationFrame(apply);
}

function apply(): void {
  state = reduceAll(state, waiting);
  waiting = [];
  draw(state);
}
