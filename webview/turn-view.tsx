import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import { Answer } from "./answer.tsx";
import { AnswerFooter } from "./answer-footer.tsx";
import { Citations } from "./citations.tsx";
import { ErrorCard } from "./error-card.tsx";
import { plural } from "./format.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import { MentionChip } from "./mention-chip.tsx";
import { rangeText } from "./place.ts";
import type { Place, Turn } from "./protocol/turn.ts";
import { QuestionEditor } from "./question-editor.tsx";
import { isOpen } from "./state.ts";
import { send } from "./vscode-api.ts";

/** A question with its answer. Drawn again only when its own turn changed. */
export const TurnView = memo(({ turn }: { turn: Turn }) => (
  <article class="turn" aria-label={t("Question {0}", turn.id)} aria-busy={isOpen(turn)}>
    <Question turn={turn} />
    <div class="answer">
      <h2 class="answer-title">
        <Icon name="sparkle" />
        Repo Memory
      </h2>
      <Steps turn={turn} />
      {turn.found?.readSoFar !== undefined && <ReadSoFar share={turn.found.readSoFar} />}
      {turn.answer !== "" && <Answer turn={turn} />}
      {turn.error && <ErrorCard error={turn.error} onRetry={() => send({ type: "retry", id: turn.id })} />}
      {namesNoSources(turn) && <NoSources />}
      <Citations citations={turn.citations} />
      {!isOpen(turn) && turn.answer !== "" && <AnswerFooter turn={turn} />}
    </div>
  </article>
));

function Question({ turn }: { turn: Turn }) {
  const [editing, setEditing] = useState(false);
  if (editing) return <QuestionEditor turn={turn} onEnd={() => setEditing(false)} />;
  return (
    <div class="question-line">
      <IconButton icon="edit" label={t("Edit and ask again")} onClick={() => setEditing(true)} />
      <div class="question">
        <h2 class="sr-only">{t("Question")}</h2>
        {turn.selection && <SelectionButton selection={turn.selection} />}
        {turn.mentions.map((mention) => (
          <MentionChip key={JSON.stringify(mention)} mention={mention} />
        ))}
        <p>{turn.question}</p>
      </div>
    </div>
  );
}

function SelectionButton({ selection }: { selection: Place }) {
  return (
    <button
      type="button"
      class="chip"
      title={t("Open the selected lines")}
      onClick={() => send({ type: "open", ...selection })}
    >
      <Icon name="list-selection" />
      <span class="chip-text">{rangeText(selection)}</span>
    </button>
  );
}

/** What happens before the first word: an empty wait would look like a hang. */
function Steps({ turn: { state, found } }: { turn: Turn }) {
  if (state === "waiting" || state === "looking") return <Step text={t("Looking in the memory")} busy />;
  if (!found || found.blocks === 0) return state === "reading" ? <Step text={t("Thinking")} busy /> : null;
  const [passages, files] = [plural(found.blocks, "passage"), plural(found.files, "file")];
  return state === "reading" ? (
    <Step text={t("Recalling {0} from {1}", passages, files)} busy />
  ) : (
    <Step text={t("Recalled {0} from {1}", passages, files)} busy={false} />
  );
}

/** The answer may lack what is not in memory yet. */
function ReadSoFar({ share }: { share: number }) {
  return (
    <div class="step">
      <Icon name="info" />
      <span>{t("Read so far: {0} %", Math.floor(100 * share))}</span>
    </div>
  );
}

/** Strategies of memory that are one sum cannot tell what an answer was taken from: an empty list would look like a fault. */
function NoSources() {
  return (
    <div class="step no-sources">
      <Icon name="info" />
      <span>{t("No sources: this strategy of memory names none.")}</span>
    </div>
  );
}

function namesNoSources({ state, citations, meta }: Turn): boolean {
  if (state !== "done" || !meta || meta.finish === "cancelled") return false;
  return citations.length === 0 && meta.memoryTokens > 0 && meta.generatedTokens > 0;
}

function Step({ text, busy }: { text: string; busy: boolean }) {
  return (
    <div class="step">
      <Icon name={busy ? "loading" : "check"} spin={busy} />
      <span>{text}</span>
    </div>
  );
}
