import { expect, test } from "vitest";
import type { Workbench } from "../workbench.ts";
import { testWindows } from "./test-windows.ts";

const openWindow = testWindows();

async function open(settings: Record<string, unknown> = {}): Promise<Workbench> {
  const workbench = await openWindow({ settings });
  await workbench.openChat();
  return workbench;
}

test("a reading shows how far it is, and can be paused and resumed", async () => {
  const workbench = await open({ "repoMemory.model": "held" });
  const { chat } = workbench;
  await chat.getByText("50 % · 2,100 of 4,200 tokens").waitFor();
  await workbench.screenshot("reading");
  await chat.getByRole("button", { name: "Pause reading" }).click();
  await chat.getByText("Reading parcel-tracker is paused").waitFor();
  await workbench.screenshot("paused");
  await chat.getByRole("button", { name: "Resume reading" }).click();
  await chat.getByText("6 files · ").waitFor();
  expect(await chat.getByRole("progressbar").count()).toBe(0);
});

test("a missing model is fetched only after a press of the button", async () => {
  const workbench = await open({ "repoMemory.model": "missing" });
  const { chat } = workbench;
  await chat.getByText("There is no model on this machine yet.").waitFor();
  await workbench.screenshot("no-model");
  await chat.getByRole("button", { name: "Download model" }).click();
  const dialog = workbench.page.getByRole("dialog");
  await dialog.getByText("Download 98 MB?").waitFor();
  await dialog.getByRole("button", { name: "Download", exact: true }).click();
  await chat.getByText("6 files · ").waitFor();
  expect(await chat.getByText("There is no model").count()).toBe(0);
});

test("every theme has readable colours", async () => {
  const workbench = await open();
  const { chat } = workbench;
  await workbench.ask("How does the service start?");
  await chat.getByText("384 tokens of memory").waitFor();
  await chat.getByRole("button", { name: "Open src/server.ts" }).click();
  await workbench.page.locator(".tab.active", { hasText: "server.ts" }).waitFor();
  for (const [theme, kind] of [
    ["Light 2026", "vscode-light"],
    ["Dark 2026", "vscode-dark"],
    ["Dark High Contrast", "vscode-high-contrast"],
    ["Light High Contrast", "vscode-high-contrast-light"],
  ] as const) {
    await workbench.run("Preferences: Color Theme");
    await workbench.choose(theme);
    await chat.locator(`body.${kind}`).waitFor();
    expect(await unreadable(workbench)).toEqual([]);
    await workbench.screenshot(`theme-${kind}`);
  }
});

/** Texts of the panel whose contrast to what is behind them is below 4.5 to 1 (WCAG 2, AA). */
function unreadable({ chat }: Workbench): Promise<string[]> {
  return chat.locator("body").evaluate((body) => {
    const channel = (value: number) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const parse = (color: string) => {
      const [r = 0, g = 0, b = 0, a = 1] = (color.match(/[\d.]+/g) ?? []).map(Number);
      return color.startsWith("color(") ? { rgb: [r, g, b], a } : { rgb: [r / 255, g / 255, b / 255], a };
    };
    // The panel itself is transparent: behind it is the side bar.
    const probe = body.appendChild(document.createElement("i"));
    probe.style.backgroundColor = "var(--vscode-sideBar-background)";
    const panel = parse(getComputedStyle(probe).backgroundColor).rgb;
    probe.remove();
    const behind = (element: Element): number[] => {
      const { rgb, a } = parse(getComputedStyle(element).backgroundColor);
      if (a >= 1) return rgb;
      if (!element.parentElement) return panel;
      return behind(element.parentElement).map((value, index) => value * (1 - a) + (rgb[index] ?? 0) * a);
    };
    const light = ([r = 0, g = 0, b = 0]: number[]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const failed: string[] = [];
    for (const element of body.querySelectorAll("p, li, code, h1, h2, h3, button, span, div")) {
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      if (!own || element.matches(":disabled, .sr-only, .sr-only *") || !element.checkVisibility()) continue;
      const ground = behind(element);
      const { rgb, a } = parse(getComputedStyle(element).color);
      const front = rgb.map((value, index) => value * a + (ground[index] ?? 0) * (1 - a));
      const [dark = 0, bright = 0] = [light(front), light(ground)].toSorted((x, y) => x - y);
      const ratio = (bright + 0.05) / (dark + 0.05);
      if (ratio < 4.5) failed.push(`${ratio.toFixed(1)}: ${element.className} ${element.textContent?.slice(0, 30)}`);
    }
    return failed;
  });
}
