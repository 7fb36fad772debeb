import { openLabel } from "./citations.tsx";
import { t } from "./l10n.ts";
import { linesText } from "./place.ts";
import type { Citation, Place, Sentence } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** Milliseconds before another sentence's sources take the place of those that are shown, on the pointer's way to these. */
const PATIENCE = 180;

/** Space between a sentence and its card, and between the card and the panel's edge, in pixels. */
const GAP = 4;

/** Shows where a sentence comes from, while it is pointed at or its mark has the focus. One card an answer. */
export class ProvenanceCard {
  sentences: readonly Sentence[] = [];
  #answer: HTMLElement | undefined;
  #card: HTMLElement | undefined;
  #shown: number | undefined;
  #timer: number | undefined;

  /** Follows pointer and focus in the answer's element. Returns what ends that. */
  attach(answer: HTMLElement): () => void {
    this.#answer = answer;
    const end = new AbortController();
    const { signal } = end;
    answer.addEventListener("pointerover", ({ target }) => this.#soon(sentenceAt(target), target), { signal });
    answer.addEventListener("pointerleave", () => this.#soon(undefined, null), { signal });
    answer.addEventListener("focusin", ({ target }) => this.#focused(target), { signal });
    answer.addEventListener("focusout", ({ relatedTarget }) => this.#focused(relatedTarget), { signal });
    answer.addEventListener("keydown", ({ key }) => key === "Escape" && this.#hide(), { signal });
    document.addEventListener("scroll", () => this.#hide(), { signal, capture: true });
    return () => {
      this.#hide();
      end.abort();
    };
  }

  /** The best source of the sentence that an element belongs to. */
  placeAt(target: Element): Place | undefined {
    const index = target.closest(".provenance") ? undefined : sentenceAt(target);
    const best = index === undefined ? undefined : this.sentences[index]?.blocks[0];
    return best && placeOf(best);
  }

  #focused(target: EventTarget | null): void {
    if (isIn(target, ".provenance")) return;
    const index = isIn(target, ".source-mark") ? sentenceAt(target) : undefined;
    if (index === undefined) this.#hide();
    else this.#show(index);
  }

  #soon(index: number | undefined, target: EventTarget | null): void {
    clearTimeout(this.#timer);
    if (isIn(target, ".provenance") || index === this.#shown) return;
    // What was reached with the keyboard stays while the focus does.
    if (index === undefined && document.activeElement?.closest(".source-mark, .provenance")) return;
    const change = () => (index === undefined ? this.#hide() : this.#show(index));
    this.#timer = setTimeout(change, this.#shown === undefined ? 0 : PATIENCE);
  }

  #show(index: number): void {
    this.#hide();
    const answer = this.#answer;
    const blocks = this.sentences[index]?.blocks ?? [];
    const mark = answer?.querySelector(`.source-mark[data-sentence="${index}"]`);
    if (!answer || !mark || blocks.length === 0) return;
    this.#shown = index;
    for (const each of answer.querySelectorAll(`[data-sentence="${index}"]`)) each.classList.add("lit");
    const card = cardOf(blocks);
    // Beside its mark, so that Tab goes from the mark into it; shown above all else.
    mark.after(card);
    card.showPopover();
    place(card, mark.getBoundingClientRect());
    this.#card = card;
  }

  #hide(): void {
    clearTimeout(this.#timer);
    this.#shown = undefined;
    this.#card?.remove();
    this.#card = undefined;
    for (const each of this.#answer?.querySelectorAll(".lit") ?? []) each.classList.remove("lit");
  }
}

function cardOf(blocks: readonly Citation[]): HTMLElement {
  const card = document.createElement("span");
  card.className = "provenance";
  card.popover = "manual";
  card.role = "group";
  card.ariaLabel = t("Where this comes from");
  card.append(...blocks.map(row));
  return card;
}

function row(block: Citation): HTMLElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "provenance-row";
  button.ariaLabel = openLabel(block);
  const text = document.createElement("span");
  text.className = "provenance-place";
  text.textContent = block.path;
  const lines = document.createElement("span");
  lines.className = "provenance-lines";
  lines.dataset["text"] = linesText(block);
  const share = document.createElement("span");
  share.className = "provenance-share";
  share.dataset["text"] = `${Math.round(block.share * 100)} %`;
  const strength = document.createElement("span");
  strength.className = "strength";
  const bar = document.createElement("span");
  bar.style.width = `${Math.max(4, block.share * 100)}%`;
  strength.append(bar);
  button.append(text, lines, share, strength);
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    send({ type: "open", ...placeOf(block) });
  });
  return button;
}

/** Below the mark where there is room, else above; inside the panel's width. */
function place(card: HTMLElement, mark: DOMRect): void {
  const { width, height } = card.getBoundingClientRect();
  const below = mark.bottom + GAP;
  const top = below + height > window.innerHeight ? mark.top - height - GAP : below;
  card.style.top = `${Math.max(GAP, top)}px`;
  card.style.left = `${Math.max(GAP, Math.min(mark.left, window.innerWidth - width - GAP))}px`;
}

function placeOf({ path, startLine, endLine }: Citation): Place {
  return { path, startLine, endLine };
}

function isIn(target: EventTarget | null, selector: string): target is Element {
  return target instanceof Element && target.closest(selector) !== null;
}

function sentenceAt(target: EventTarget | null): number | undefined {
  const found = target instanceof Element ? target.closest<HTMLElement>("[data-sentence]") : null;
  return found ? Number(found.dataset["sentence"]) : undefined;
}
