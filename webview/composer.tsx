import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CHOSEN_ID, CompletionList, LIST_ID } from "./completion-list.tsx";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import { MentionChip } from "./mention-chip.tsx";
import type { MemoryView } from "./protocol/messages.ts";
import { MAX_QUESTION_LENGTH } from "./protocol/turn.ts";
import type { ViewState } from "./state.ts";
import { dispatch } from "./store.ts";
import { useCompletions } from "./use-completions.ts";
import { save, saved, send } from "./vscode-api.ts";

/** Tallest that the field grows, in pixels; then it scrolls. */
const TALLEST = 200;

/** Where the question is written. Enter asks, Shift+Enter is a new line, `@` and `/` offer what can be named. */
export function Composer({ state, isAnswering }: { state: ViewState; isAnswering: boolean }) {
  const { memory, mentions, focusRequests } = state;
  const [draft, setDraft] = useState(() => ({ text: saved().draft, caret: 0 }));
  const field = useRef<HTMLTextAreaElement>(null);
  /** Where the cursor goes when the field has its new text. */
  const moveTo = useRef<number | undefined>(undefined);
  const replace = (text: string, caret: number) => {
    moveTo.current = caret;
    setDraft({ text, caret });
  };
  const { completions, chosen, onKey } = useCompletions({ ...draft, replace }, state.completions);
  useEffect(() => save({ draft: draft.text }), [draft.text]);
  useEffect(() => field.current?.focus(), [focusRequests]);
  useLayoutEffect(() => fitHeight(field.current), [draft.text]);
  useLayoutEffect(() => {
    if (moveTo.current !== undefined) field.current?.setSelectionRange(moveTo.current, moveTo.current);
    moveTo.current = undefined;
  });
  const canAsk = draft.text.trim() !== "" && !isAnswering && memory.folder !== undefined;
  const ask = () => {
    if (!canAsk) return;
    send({ type: "ask", question: draft.text, mentions: [...mentions] });
    dispatch({ type: "asked" });
    setDraft({ text: "", caret: 0 });
  };
  const take = ({ value, selectionStart }: HTMLTextAreaElement) => setDraft({ text: value, caret: selectionStart });
  const onKeyDown = (event: KeyboardEvent) => {
    if (onKey(event)) return event.preventDefault();
    const last = mentions.at(-1);
    if (event.key === "Backspace" && draft.text === "" && last) dispatch({ type: "unmention", mention: last });
    if (event.key === "Escape" && isAnswering) send({ type: "stop" });
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  };
  const isOpen = completions.length > 0;
  return (
    <footer class="composer">
      {isOpen && <CompletionList completions={completions} chosen={chosen} />}
      <div class="composer-box">
        {mentions.length > 0 && (
          <ul class="mentions" aria-label={t("The question is about")}>
            {mentions.map((mention) => (
              <li key={JSON.stringify(mention)}>
                <MentionChip mention={mention} onRemove={() => dispatch({ type: "unmention", mention })} />
              </li>
            ))}
          </ul>
        )}
        <textarea
          ref={field}
          rows={1}
          maxLength={MAX_QUESTION_LENGTH}
          value={draft.text}
          placeholder={
            memory.folder === undefined
              ? t("Open a folder to ask about it")
              : t("Ask about {0}, or type @ or /", memory.folder)
          }
          aria-label={
            memory.folder === undefined ? t("Question about the workspace") : t("Question about {0}", memory.folder)
          }
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={isOpen ? LIST_ID : undefined}
          aria-activedescendant={isOpen ? CHOSEN_ID : undefined}
          onInput={(event) => take(event.currentTarget)}
          onKeyUp={(event) => take(event.currentTarget)}
          onClick={(event) => take(event.currentTarget)}
          onKeyDown={onKeyDown}
        />
        <div class="composer-bar">
          <Scope memory={memory} />
          {isAnswering ? <StopButton /> : <AskButton disabled={!canAsk} onClick={ask} />}
        </div>
      </div>
      <p class="disclaimer">{t("A small model on this machine answers. Check what it says.")}</p>
    </footer>
  );
}

/** Which folder is asked about, and which model answers. */
function Scope({ memory: { folder, severalFolders, model } }: { memory: MemoryView }) {
  return (
    <div class="scope">
      <IconButton icon="mention" label={t("Name a file, symbol or more (@)")} onClick={startMention} />
      {folder !== undefined && severalFolders && (
        <button
          type="button"
          class="chip"
          title={t("Ask about another folder")}
          onClick={() => send({ type: "chooseFolder" })}
        >
          <Icon name="folder" />
          {folder}
          <Icon name="chevron-down" />
        </button>
      )}
      <button type="button" class="chip" title={t("Choose the model")} onClick={() => send({ type: "chooseModel" })}>
        <Icon name="chip" />
        <span class="chip-text">{model ?? t("Choose model")}</span>
        <Icon name="chevron-down" />
      </button>
    </div>
  );
}

/** Types an `@` for those who use the mouse. */
function startMention(): void {
  const field = document.querySelector<HTMLTextAreaElement>(".composer textarea");
  if (!field) return;
  field.focus();
  const before = field.value.slice(0, field.selectionStart);
  field.setRangeText(before === "" || /\s$/.test(before) ? "@" : " @", field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function AskButton({ disabled, onClick }: { disabled: boolean; onClick: () => void }) {
  return (
    <button
      type="button"
      class="send"
      title={t("Ask (Enter)")}
      aria-label={t("Ask")}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name="arrow-up" />
    </button>
  );
}

function StopButton() {
  return (
    <button
      type="button"
      class="send"
      title={t("Stop (Escape)")}
      aria-label={t("Stop the answer")}
      onClick={() => send({ type: "stop" })}
    >
      <Icon name="debug-stop" />
    </button>
  );
}

function fitHeight(field: HTMLTextAreaElement | null): void {
  if (!field) return;
  field.style.height = "auto";
  field.style.height = `${Math.min(TALLEST, field.scrollHeight)}px`;
}
