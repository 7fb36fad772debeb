import type { Workbench } from "./workbench.ts";

/** VS Code's own themes of each kind, and the class that a page has under them. */
export const THEMES = [
  { theme: "Light 2026", kind: "vscode-light", name: "light" },
  { theme: "Dark 2026", kind: "vscode-dark", name: "dark" },
  { theme: "Dark High Contrast", kind: "vscode-high-contrast", name: "high-contrast" },
  { theme: "Light High Contrast", kind: "vscode-high-contrast-light", name: "high-contrast-light" },
] as const;

/** Changes the colour theme, and waits until the panel has it. */
export async function useTheme(workbench: Workbench, { theme, kind }: (typeof THEMES)[number]): Promise<void> {
  await workbench.run("Preferences: Color Theme");
  await workbench.choose(theme);
  await workbench.chat.locator(`body.${kind}`).waitFor();
}
