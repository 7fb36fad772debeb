import type { ProvenanceCard } from "./provenance-card.ts";
import { send } from "./vscode-api.ts";

/** Buttons of a block of code, each answered by the message of the same name. */
const CODE_ACTIONS = ["copy", "insert", "apply"] as const;

/** A click or Enter inside an answer's HTML: on a link, a button of a block of code, or a sentence with its sources. */
export function activate({ target }: Event, card: ProvenanceCard): void {
  if (!(target instanceof HTMLElement)) return;
  const link = target.closest<HTMLElement>("a.link");
  if (link) return follow(link);
  const type = CODE_ACTIONS.find(
    (action) => action === target.closest<HTMLElement>("[data-action]")?.dataset["action"],
  );
  const code = target.closest(".code-block")?.querySelector("code")?.textContent;
  if (type && code) return send({ type, text: code });
  const place = card.placeAt(target);
  const isSelecting = document.getSelection()?.isCollapsed === false;
  if (place && !isSelecting) send({ type: "open", ...place });
}

/** Enter on a link: it has no address, so the browser does nothing with it. Buttons turn Enter into a click by themselves. */
export function activateByKey({ key, target }: KeyboardEvent): void {
  if (key === "Enter" && target instanceof HTMLElement && target.matches("a.link")) follow(target);
}

function follow({ dataset }: HTMLElement): void {
  const { url, path, line, endLine } = dataset;
  if (url) send({ type: "link", url });
  else if (path) send({ type: "open", path, startLine: Number(line), endLine: Number(endLine) });
}
