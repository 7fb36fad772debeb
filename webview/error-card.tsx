import type { ErrorAction, ErrorCard as Card } from "./protocol/turn.ts";
import { Icon } from "./icon.tsx";
import { t } from "./l10n.ts";
import { send } from "./vscode-api.ts";

function label(action: ErrorAction): string {
  const labels: Record<ErrorAction, string> = {
    download: t("Download model"),
    restart: t("Restart engine"),
    read: t("Try again"),
    showLog: t("Show log"),
    trust: t("Manage workspace trust"),
    openFolder: t("Open folder"),
  };
  return labels[action];
}

/** An error: what happened, what it means, what to do, and the button that does it. */
export function ErrorCard({ error, onRetry }: { error: Card; onRetry?: () => void }) {
  const { action } = error;
  return (
    <div class="card card-error" role="group" aria-label={t("Error")}>
      <div class="card-title">
        <Icon name={action === "download" ? "cloud-download" : action === "trust" ? "shield" : "warning"} />
        <span>{error.message}</span>
      </div>
      {error.meaning && <p>{error.meaning}</p>}
      {error.remedy && <p>{error.remedy}</p>}
      {(action || onRetry) && (
        <div class="card-actions">
          {action && (
            <button type="button" class="button" onClick={() => send({ type: action })}>
              {label(action)}
            </button>
          )}
          {onRetry && (
            <button type="button" class="button button-secondary" onClick={onRetry}>
              {t("Ask again")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
