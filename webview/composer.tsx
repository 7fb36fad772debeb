import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { MAX_QUESTION_LENGTH, type MemoryView } from "./protocol/messages.ts";
import { savedDraft, saveDraft, send } from "./vscode-api.ts";

/** Tallest that the field grows, in pixels; then it scrolls. */
const TALLEST = 200;

interface ComposerProps {
  memory: MemoryView;
  isAnswering: boolean;
  /** Every change of it puts the cursor into the field. */
  focusRequests: number;
}

/** Where the question is written. Enter asks, Shift+Enter is a new line. */
export function Composer({ memory, isAnswering, focusRequests }: ComposerProps) {
  const [draft, setDraft] = useState(savedDraft);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => saveDraft(draft), [draft]);
  useEffect(() => field.current?.focus(), [focusRequests]);
  useLayoutEffect(() => fitHeight(field.current), [draft]);
  const canAsk = draft.trim() !== "" && !isAnswering && memory.folder !== undefined;
  const ask = () => {
    if (!canAsk) return;
    send({ type: "ask", question: draft });
    setDraft("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isAnswering) send({ type: "stop" });
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  };
  return (
    <footer class="composer">
      <div class="composer-box">
        <textarea
          ref={field}
          rows={1}
          maxLength={MAX_QUESTION_LENGTH}
          value={draft}
          placeholder={memory.folder === undefined ? "Open a folder to ask about it" : `Ask about ${memory.folder}`}
          aria-label={`Question about ${memory.folder ?? "the workspace"}`}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <div class="composer-bar">
          <Folder memory={memory} />
          {isAnswering ? <StopButton /> : <AskButton disabled={!canAsk} onClick={ask} />}
        </div>
      </div>
      <p class="disclaimer">A small model on this machine answers. Check its sources.</p>
    </footer>
  );
}

function Folder({ memory: { folder, severalFolders, model } }: { memory: MemoryView }) {
  if (folder !== undefined && severalFolders) {
    return (
      <button
        type="button"
        class="chip"
        title="Ask about another folder"
        onClick={() => send({ type: "chooseFolder" })}
      >
        <Icon name="folder" />
        {folder}
        <Icon name="chevron-down" />
      </button>
    );
  }
  return <span class="composer-model">{model ?? ""}</span>;
}

function AskButton({ disabled, onClick }: { disabled: boolean; onClick: () => void }) {
  return (
    <button type="button" class="send" title="Ask (Enter)" aria-label="Ask" disabled={disabled} onClick={onClick}>
      <Icon name="arrow-up" />
    </button>
  );
}

function StopButton() {
  return (
    <button
      type="button"
      class="send"
      title="Stop (Escape)"
      aria-label="Stop the answer"
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
