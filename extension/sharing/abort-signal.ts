import type { CancellationToken } from "vscode";

/** VS Code's way to cancel as the engine's: aborted when the token is cancelled. Nothing has to be disposed of. */
export function abortSignal(token: CancellationToken): AbortSignal {
  const abort = new AbortController();
  if (token.isCancellationRequested) abort.abort();
  else token.onCancellationRequested(() => abort.abort());
  return abort.signal;
}
