/** The page's program. */
import { render } from "preact";
import { App } from "./app.tsx";
import { onDragOver, onDrop } from "./drop.ts";
import type { HostMessage } from "./protocol/messages.ts";
import { follow, receive } from "./store.ts";
import { saved, send } from "./vscode-api.ts";

const root = document.getElementById("root");
if (root) follow((state) => render(<App state={state} />, root));

window.addEventListener("message", ({ data }: MessageEvent<HostMessage>) => receive(data));

// Files are dropped anywhere in the panel; VS Code lets them in while Shift is held.
document.addEventListener("dragover", onDragOver);
document.addEventListener("drop", onDrop);

const { chat } = saved();
send({ type: "ready", ...(chat && { chat }) });
