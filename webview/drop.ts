/** Files dropped on the panel: VS Code's explorer gives their addresses in one of these forms. */
import { MOST_MENTIONS } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

const KINDS = ["application/vnd.code.uri-list", "text/uri-list", "resourceurls"];

/** Lets go of what can be taken. */
export function onDragOver(event: DragEvent): void {
  const { dataTransfer } = event;
  if (!dataTransfer || !KINDS.some((kind) => dataTransfer.types.includes(kind))) return;
  event.preventDefault();
  dataTransfer.dropEffect = "copy";
}

/** Names what was dropped to the extension, which looks whether it is of the workspace. */
export function onDrop(event: DragEvent): void {
  const { dataTransfer } = event;
  const data = KINDS.map((kind) => dataTransfer?.getData(kind) ?? "").find((text) => text !== "");
  if (data === undefined) return;
  event.preventDefault();
  send({ type: "drop", uris: addresses(data).slice(0, MOST_MENTIONS) });
}

/** A list of addresses: lines (with comments that begin with `#`), or JSON. */
function addresses(data: string): string[] {
  if (!data.startsWith("[")) return data.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#"));
  try {
    const list: unknown = JSON.parse(data);
    return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
