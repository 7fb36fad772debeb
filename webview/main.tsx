/** The page's program: messages change the state, the state is drawn, at most once a frame. */
import { render } from "preact";
import { App } from "./app.tsx";
import type { HostMessage } from "./protocol/messages.ts";
import { initialState, reduceAll } from "./state.ts";
import { send } from "./vscode-api.ts";

const root = document.getElementById("root");
let state = initialState;
let waiting: HostMessage[] = [];

function draw(): void {
  state = reduceAll(state, waiting);
  waiting = [];
  if (root) render(<App state={state} />, root);
}

window.addEventListener("message", ({ data }: MessageEvent<HostMessage>) => {
  // `reduce` ignores what it does not know; a hidden page draws when it is seen again.
  if (waiting.push(data) === 1) requestAnimationFrame(draw);
});

draw();
send({ type: "ready" });
