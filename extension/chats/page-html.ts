import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/** Folders that a page may load files from. */
export function pageRoots(extension: vscode.Uri): vscode.Uri[] {
  return ["dist/webview", "media"].map((folder) => vscode.Uri.joinPath(extension, folder));
}

/** The panel's page: nothing but the bundled scripts, style and icon font may load, and nothing of a model's may run. */
export function pageHtml(webview: vscode.Webview, extension: vscode.Uri): string {
  const bundle = webview.asWebviewUri(vscode.Uri.joinPath(extension, "dist/webview"));
  const nonce = randomBytes(16).toString("base64");
  const policy = [
    "default-src 'none'",
    // The grammar of a language is loaded when it is first shown: by the page's own script, out of the same folder.
    `script-src 'nonce-${nonce}' ${bundle.toString()}/`,
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
  ].join("; ");
  const translations = JSON.stringify(vscode.l10n.bundle ?? {});
  return `<!DOCTYPE html>
<html lang="${escapeHtml(vscode.env.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${bundle.toString()}/chat.css">
<title>Repo Memory</title>
</head>
<body>
<div id="root" data-l10n="${escapeHtml(translations)}"></div>
<script type="module" nonce="${nonce}" src="${bundle.toString()}/main.js"></script>
</body>
</html>`;
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? "");
}
