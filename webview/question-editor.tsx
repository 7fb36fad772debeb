import { useEffect, useRef } from "preact/hooks";
import { t } from "./l10n.ts";
import { MAX_QUESTION_LENGTH, type Turn } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** A question that is being changed. What was asked after it goes when it is sent, since it followed from the answer. */
export function QuestionEditor({ turn: { id, question }, onEnd }: { turn: Turn; onEnd: () => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const resend = () => {
    const text = field.current?.value.trim() ?? "";
    if (text !== "") send({ type: "resend", id, question: text });
    onEnd();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onEnd();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    resend();
  };
  return (
    <div class="question-editor">
      <textarea
        ref={field}
        rows={Math.min(8, question.split("\n").length + 1)}
        maxLength={MAX_QUESTION_LENGTH}
        defaultValue={question}
        aria-label={t("The question, to be changed")}
        onKeyDown={onKeyDown}
      />
      <div class="card-actions">
        <button type="button" class="button" onClick={resend}>
          {t("Ask again")}
        </button>
        <button type="button" class="button button-secondary" onClick={onEnd}>
          {t("Cancel")}
        </button>
      </div>
    </div>
  );
}
