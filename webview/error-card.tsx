import type { ErrorAction, ErrorCard as Card } from "./protocol/messages.ts";
import { Icon } from "./icon.tsx";
import { send } from "./vscode-api.ts";

const LABELS: Record<ErrorAction, string> = {
  download: "Download model",
  restart: "Restart engine",
  read: "Try again",
  showLog: "Show log",
  trust: "Manage workspace trust",
  openFolder: "Open folder",
};

/** An error: what happened, what it means, what to do, and the button that does it. */
export function ErrorCard({ error, onRetry }: { error: Card; onRetry?: () => void }) {
  const { action } = error;
  return (
    <div class="card card-error" role="group" aria-label="Error">
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
              {LABELS[action]}
            </button>
          )}
          {onRetry && (
            <button type="button" class="button button-secondary" onClick={onRetry}>
              Ask again
            </button>
          )}
        </div>
      )}
    </div>
  );
}
