/** The page's program. */
import { render } from "preact";
import { App } from "./app.tsx";
import type { HostMessage } from "./protocol/messages.ts";
import { follow, receive } from "./store.ts";
import { saved, send } from "./vscode-api.ts";

const root = document.getElementById("root");
if (root) follow((state) => render(<App state={state} />, root));

window.addEventListener("message", ({ data }: MessageEvent<HostMessage>) => receive(data));

const { chat } = saved();
send({ type: "ready", ...(chat && { chat }) });
