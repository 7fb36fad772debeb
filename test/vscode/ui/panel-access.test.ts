import { expect, test } from "vitest";
import { madeTurn } from "../../support/turns.ts";
import { graveFindings } from "../accessibility.ts";
import { THEMES, useTheme } from "../themes.ts";
import { chatWindow } from "./chat-window.ts";

const { workbench } = chatWindow();

async function ask(question: string): Promise<void> {
  await workbench().newChat();
  await workbench().ask(question);
  await workbench().chat.getByText("384 tokens of memory").waitFor();
}

/** Names of all that Tab stops at in the panel, from the question on around. */
async function tabStops(): Promise<string[]> {
  const { chat, page } = workbench();
  await workbench().question.focus();
  const names: string[] = [];
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press("Shift+Tab");
    const name = await chat.locator("body").evaluate(() => {
      const { activeElement: element } = document;
      return element && element !== document.body
        ? (element.getAttribute("aria-label") ?? element.textContent ?? "").trim()
        : undefined;
    });
    if (name === undefined || name.startsWith("Question about")) break;
    names.push(name);
  }
  return names.toReversed();
}

test.each(THEMES)("axe-core finds nothing serious in any state of the panel: $name", async (theme) => {
  const { chat, page } = workbench();
  const found: Record<string, string[]> = {};
  const look = async (state: string, shows = false) => {
    found[state] = await graveFindings(workbench());
    if (shows) await workbench().screenshot(`panel-${state}-${theme.name}`);
  };
  await useTheme(workbench(), theme);
  await workbench().newChat();
  await look("empty");
  await workbench().question.fill("@");
  await chat.getByRole("listbox").waitFor();
  await look("completions");
  await workbench().question.fill("");
  await workbench().ask("endless");
  await chat.getByText("word5").waitFor();
  await look("streaming");
  await page.keyboard.press("Escape");
  await chat.getByText("stopped · ").waitFor();
  await workbench().newChat();
  await workbench().ask("Why does it fail?");
  await chat.getByText("The model file is damaged").waitFor();
  await look("error", true);
  await ask("How does the service start?");
  // Links come last: with them the answer is complete.
  await chat.locator("a.link").first().waitFor();
  await expect.poll(() => chat.locator(".token").count()).toBeGreaterThan(0);
  await chat.locator(".source-mark").first().focus();
  await chat.getByRole("group", { name: "Where this comes from" }).waitFor();
  await look("answer", true);
  await chat.getByRole("button", { name: "Edit and ask again" }).focus();
  await page.keyboard.press("Enter");
  await chat.getByRole("textbox", { name: "The question, to be changed" }).waitFor();
  await look("editing");
  await page.keyboard.press("Escape");
  await chat.getByRole("tab", { name: "Memory" }).click();
  await chat.getByRole("button", { name: /^Pin src\/server\.ts/ }).click();
  await chat.getByText("pinned", { exact: true }).waitFor();
  await look("memory", true);
  await chat.getByRole("tab", { name: "Chats" }).click();
  await chat.getByRole("list", { name: "Chats" }).waitFor();
  await look("chats", true);
  await chat
    .getByRole("button", { name: /^Rename/ })
    .first()
    .focus();
  await page.keyboard.press("Enter");
  await chat.getByRole("textbox", { name: "New name of the chat" }).waitFor();
  await look("renaming");
  await page.keyboard.press("Escape");
  expect(Object.entries(found).filter(([, findings]) => findings.length > 0)).toEqual([]);
});

test("every function is reached with the keyboard alone, in the order that it is read in", async () => {
  const { chat, page } = workbench();
  await ask("How does the service start?");
  await chat.locator("a.link").first().waitFor();
  const stops = await tabStops();
  const order = [
    "Read what changed",
    "Chat",
    "New chat",
    "Answers",
    "Edit and ask again",
    "src/server.ts",
    "Source 1: src/server.ts:3-9, src/config.ts:3-9, README.md:3-4",
    "Insert at cursor",
    "Apply to the editor, after a look at the difference",
    "Copy code",
    "Open src/server.ts, lines 3 to 9",
    "Copy answer",
    "Ask again",
  ];
  expect(
    stops.filter((name) => order.includes(name)).filter((name, index, all) => all.indexOf(name) === index),
  ).toEqual(order);
  // The other tabs by arrow keys, as in every list of tabs.
  await chat.getByRole("tab", { name: "Chat", exact: true }).focus();
  await page.keyboard.press("ArrowRight");
  await chat.getByRole("list", { name: "Files in the window" }).waitFor();
  const ofMemory = await tabStops();
  expect(ofMemory.some((name) => name.startsWith("Pin src/server.ts"))).toBe(true);
  expect(ofMemory.some((name) => name.startsWith("Leave src/server.ts out"))).toBe(true);
  expect(ofMemory.some((name) => name.startsWith("Open src/server.ts, lines 3–9"))).toBe(true);
  await chat.getByRole("tab", { name: "Memory" }).focus();
  await page.keyboard.press("ArrowRight");
  await chat.getByRole("searchbox", { name: "Search chats" }).waitFor();
  for (const name of ["Search chats", "Rename “", "Export “", "Delete “"]) {
    let reached = false;
    for (let step = 0; step < 20 && !reached; step++) {
      await page.keyboard.press("Tab");
      reached = (await chat.locator(`:focus[aria-label^="${name}"]`).count()) > 0;
    }
    expect(`${name} ${reached}`).toBe(`${name} true`);
  }
  await page.keyboard.press("Shift+Tab");
});

test("the end of an answer is announced once, and the stream is no live region", async () => {
  const { chat } = workbench();
  await workbench().newChat();
  await chat.getByRole("status").evaluate((status) => {
    const said: string[] = [];
    new MutationObserver(() => said.push(status.textContent)).observe(status, {
      childList: true,
      characterData: true,
      subtree: true,
    });
    Object.assign(window, { said });
  });
  await workbench().ask("How does the service start?");
  await chat.getByText("384 tokens of memory").waitFor();
  await chat.locator("a.link").first().waitFor();
  const said = await chat.locator("body").evaluate((): string[] => Reflect.get(window, "said"));
  expect(said.filter(Boolean)).toEqual(["Answer complete, with 3 sources."]);
  const live = "[aria-live], [role=status], [role=alert], [role=log]";
  expect(await chat.locator(".markdown").evaluate((answer, selector) => answer.closest(selector) === null, live)).toBe(
    true,
  );
});

test("with reduced motion nothing moves", async () => {
  const { chat, page } = workbench();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await workbench().newChat();
  await workbench().ask("endless");
  await chat.getByText("word5").waitFor();
  const moving = () =>
    chat.locator("body").evaluate((body) => {
      const running = body.getAnimations({ subtree: true }).filter(({ playState }) => playState === "running");
      return running.map(({ effect }) => (effect instanceof KeyframeEffect ? (effect.target?.className ?? "") : ""));
    });
  expect(await moving()).toEqual([]);
  await page.emulateMedia({ reducedMotion: "no-preference" });
  await expect.poll(async () => (await moving()).length).toBeGreaterThan(0);
  await chat.getByRole("button", { name: "Stop the answer" }).click();
});

test("of a long chat only what is in sight is laid out and coloured, and all of it is there to be found", async () => {
  const { chat } = workbench();
  const answer = "A *long* answer.\n\n```ts\nconst a = 1;\n```\n";
  const all = Array.from({ length: 200 }, (_, index) => madeTurn(index + 1, { answer }));
  // A chat of its own also where this is tried again: one that was seen before stays where it was scrolled to.
  const message = {
    type: "chat",
    chat: { id: `long ${Date.now()}`, title: "Long", turns: all, pinned: [], excluded: [] },
  };
  await chat.locator("body").evaluate((_, data) => window.postMessage(data, "*"), message);
  await expect.poll(() => chat.getByRole("article").count()).toBe(200);
  const laidOut = () =>
    chat.locator(".transcript").evaluate((list) => {
      const seen = (element: Element) => element.checkVisibility({ contentVisibilityAuto: true });
      const turns = [...list.querySelectorAll(".turn")];
      return {
        first: seen(turns[0]?.querySelector("p") ?? list),
        last: seen(turns.at(-1)?.querySelector("p") ?? list),
        turns: turns.filter((turn) => seen(turn.querySelector("p") ?? turn)).length,
        coloured: new Set([...list.querySelectorAll(".token")].map((token) => token.closest(".turn"))).size,
      };
    });
  await expect.poll(async () => (await laidOut()).coloured).toBeGreaterThan(0);
  const atEnd = await laidOut();
  expect(atEnd).toMatchObject({ first: false, last: true });
  expect(atEnd.turns).toBeLessThan(40);
  expect(atEnd.coloured).toBeLessThan(40);
  await chat.locator(".transcript").evaluate((list) => list.scrollTo({ top: 0 }));
  await expect.poll(async () => (await laidOut()).first).toBe(true);
  expect((await laidOut()).last).toBe(false);
  await expect.poll(() => chat.locator(".turn").first().locator(".token").count()).toBeGreaterThan(0);
  // Not taken out of the page: the last answer can still be found and reached.
  expect(
    await chat
      .locator(".turn")
      .last()
      .evaluate((turn) => turn.textContent),
  ).toContain("question 200");
});
