import axe from "axe-core";
import type { Workbench } from "./workbench.ts";

/** Findings that keep people from using a page. */
const GRAVE = new Set(["serious", "critical"]);

/** What axe-core finds serious or critical in the chat panel as it is now, each as its rule and the element. */
export async function graveFindings({ chat }: Workbench): Promise<string[]> {
  const body = await chat.locator("body").elementHandle();
  const frame = await body?.ownerFrame();
  if (!frame) throw new Error("The panel has no page.");
  // As an expression of the debugger: the page's own policy lets no script in.
  await frame.evaluate(axe.source);
  const violations = await frame.evaluate(async () => {
    // The page is transparent: behind it is the side bar, which axe would take for white.
    document.documentElement.style.backgroundColor = "var(--vscode-sideBar-background)";
    const { axe: inPage }: { axe?: typeof axe } = Object.assign(Object.create(null), {
      axe: Reflect.get(window, "axe"),
    });
    const results = await inPage?.run(document, { resultTypes: ["violations"] });
    document.documentElement.style.backgroundColor = "";
    return results?.violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map((node) => node.html) }));
  });
  if (!violations) throw new Error("axe-core did not run.");
  const grave = violations.filter(({ impact }) => GRAVE.has(impact ?? ""));
  return grave.flatMap(({ id, html }) => html.map((element) => `${id}: ${element.slice(0, 200)}`));
}
