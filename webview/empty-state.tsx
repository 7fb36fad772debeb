import { Icon } from "./icon.tsx";
import { t } from "./l10n.ts";
import { send } from "./vscode-api.ts";

/** What a chat without questions shows. */
export function EmptyState({ folder }: { folder: string | undefined }) {
  return (
    <div class="empty">
      <div class="empty-mark">
        <Icon name="database" />
      </div>
      <h1>{folder === undefined ? t("Open a folder") : t("Ask about {0}", folder)}</h1>
      <p>
        {t(
          "Repo Memory reads the whole repository once and answers from what it remembers, with the lines that it looked at. Nothing leaves this machine.",
        )}
      </p>
      {folder === undefined ? (
        <button type="button" class="button" onClick={() => send({ type: "openFolder" })}>
          {t("Open folder")}
        </button>
      ) : (
        <Suggestions />
      )}
    </div>
  );
}

function Suggestions() {
  const questions = [t("What is this repository for?"), t("Where does the program start?"), t("How is it tested?")];
  return (
    <ul class="suggestions" aria-label={t("Suggested questions")}>
      {questions.map((question) => (
        <li key={question}>
          <button type="button" class="suggestion" onClick={() => send({ type: "ask", question, mentions: [] })}>
            <span>{question}</span>
            <Icon name="arrow-right" />
          </button>
        </li>
      ))}
    </ul>
  );
}
