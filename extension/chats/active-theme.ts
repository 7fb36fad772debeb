import * as vscode from "vscode";
import type { SyntaxRule } from "../../webview/protocol/messages.ts";
import { themeRules } from "./theme-rules.ts";

interface ThemeEntry {
  id?: string;
  label?: string;
  path?: string;
  /** "vs", "vs-dark", "hc-black" or "hc-light". */
  uiTheme?: string;
}

const UI_THEMES: Partial<Record<vscode.ColorThemeKind, string>> = {
  [vscode.ColorThemeKind.Light]: "vs",
  [vscode.ColorThemeKind.Dark]: "vs-dark",
  [vscode.ColorThemeKind.HighContrast]: "hc-black",
  [vscode.ColorThemeKind.HighContrastLight]: "hc-light",
};

/** Settings that name the theme: which of them holds depends on what the system prefers. */
const SETTINGS: Partial<Record<vscode.ColorThemeKind, string>> = {
  [vscode.ColorThemeKind.Light]: "preferredLightColorTheme",
  [vscode.ColorThemeKind.Dark]: "preferredDarkColorTheme",
  [vscode.ColorThemeKind.HighContrast]: "preferredHighContrastColorTheme",
  [vscode.ColorThemeKind.HighContrastLight]: "preferredHighContrastLightColorTheme",
};

/** Calls back when the active theme is another: told of by the window, and by the setting, whichever comes last. */
export function onActiveTheme(listener: () => void): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveColorTheme(listener),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("workbench.colorTheme")) listener();
    }),
  );
}

/** The active theme's colours for code; undefined where the theme is not on this machine, as with a remote: the page then uses its own. */
export async function activeThemeRules(): Promise<SyntaxRule[] | undefined> {
  const window = vscode.workspace.getConfiguration("window");
  const workbench = vscode.workspace.getConfiguration("workbench");
  const { kind } = vscode.window.activeColorTheme;
  const isHighContrast = kind >= vscode.ColorThemeKind.HighContrast;
  const follows = window.get(isHighContrast ? "autoDetectHighContrast" : "autoDetectColorScheme", false);
  const preferred = follows ? workbench.get<string>(SETTINGS[kind] ?? "") : undefined;
  const name = preferred ?? workbench.get<string>("colorTheme", "");
  for (const { extensionUri, packageJSON } of vscode.extensions.all) {
    const themes: ThemeEntry[] = packageJSON?.contributes?.themes ?? [];
    // The setting may still name the theme before: colours of another kind could not be read.
    const isActive = ({ id, label, uiTheme }: ThemeEntry) => (id ?? label) === name && uiTheme === UI_THEMES[kind];
    const path = themes.find(isActive)?.path;
    if (path === undefined || extensionUri.scheme !== "file") continue;
    return themeRules(vscode.Uri.joinPath(extensionUri, path).fsPath).catch(() => undefined);
  }
  return undefined;
}
