import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { openCitation } from "../open-citation.ts";
import { pathIn } from "../open-files.ts";
import { reporting } from "../status/report-error.ts";
import { LEVEL_COUNT, percent, readLines } from "./attention-levels.ts";
import type { ReadByAnswer } from "./read-by-answer.ts";

/** Lines that show their share behind them, too: not by colour alone. */
const LABELLED_SHARE = 0.01;

/** Registers "Show What the Model Read": colours the editors' lines by the last answer's attention until it is called again. */
export function registerAttention(host: Host): vscode.Disposable {
  const shown = new ShownAttention(host);
  return vscode.Disposable.from(
    shown,
    vscode.commands.registerCommand("repoMemory.showAttention", () => reporting(host, () => shown.toggle())),
  );
}

class ShownAttention {
  readonly #host: Host;
  readonly #styles = Array.from({ length: LEVEL_COUNT }, (_, level) => style(level + 1));
  readonly #subscriptions: vscode.Disposable;
  #shown: ReadByAnswer | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#subscriptions = vscode.Disposable.from(
      host.lastAnswer.onChange(() => this.#clear()),
      vscode.window.onDidChangeVisibleTextEditors((editors) => this.#draw(editors)),
    );
  }

  async toggle(): Promise<void> {
    if (this.#shown) return this.#clear();
    const answer = this.#host.lastAnswer.value;
    const [most] = answer?.lines ?? [];
    if (!answer || !most) {
      const message = vscode.l10n.t("Ask something first: then the lines that the answer was read from are shown.");
      void vscode.window.showInformationMessage(message);
      return;
    }
    this.#shown = answer;
    const isVisible = vscode.window.visibleTextEditors.some((editor) => linesOf(answer, editor).length > 0);
    if (!isVisible) await openCitation(answer.folder, most);
    this.#draw(vscode.window.visibleTextEditors);
  }

  dispose(): void {
    this.#subscriptions.dispose();
    for (const each of this.#styles) each.dispose();
  }

  #clear(): void {
    this.#shown = undefined;
    this.#draw(vscode.window.visibleTextEditors);
  }

  #draw(editors: readonly vscode.TextEditor[]): void {
    for (const editor of editors) {
      const lines = this.#shown ? linesOf(this.#shown, editor) : [];
      for (const [level, each] of this.#styles.entries()) {
        const options = lines.filter((line) => line.level === level);
        editor.setDecorations(
          each,
          options.map((line) => decoration(line, editor)),
        );
      }
    }
  }
}

/** The read lines that an editor shows; a file that became shorter since has fewer. */
function linesOf({ folder, lines }: ReadByAnswer, { document }: vscode.TextEditor) {
  const path = pathIn(folder, document.uri);
  const found = path === undefined ? [] : readLines(lines, path);
  return found.filter(({ startLine }) => startLine <= document.lineCount);
}

function decoration(
  { startLine, endLine, share }: ReturnType<typeof linesOf>[number],
  { document }: vscode.TextEditor,
): vscode.DecorationOptions {
  const last = Math.min(endLine, document.lineCount) - 1;
  const range = new vscode.Range(startLine - 1, 0, last, document.lineAt(last).text.length);
  const hoverMessage = new vscode.MarkdownString();
  hoverMessage.appendText(vscode.l10n.t("{0} of what the last answer read in the memory", percent(share)));
  const label = share < LABELLED_SHARE ? {} : { renderOptions: { after: { contentText: percent(share) } } };
  return { range, hoverMessage, ...label };
}

/** Colours are the theme's, by `contributes.colors`; high contrast has borders where others have backgrounds. */
function style(level: number): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor(`repoMemory.attention${level}Background`),
    borderColor: new vscode.ThemeColor("repoMemory.attentionBorder"),
    borderStyle: level === 1 ? "solid" : "dotted",
    borderWidth: "0 0 0 3px",
    overviewRulerColor: new vscode.ThemeColor("repoMemory.attentionRuler"),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
    after: { margin: "0 0 0 2em", color: new vscode.ThemeColor("editorCodeLens.foreground") },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
}
