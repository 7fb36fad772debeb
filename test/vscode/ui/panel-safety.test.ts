import { expect, test } from "vitest";
import { chatWindow } from "./chat-window.ts";

const { workbench } = chatWindow();

test("nothing that a model writes runs, loads, or leads anywhere without a question", async () => {
  const { chat, page } = workbench();
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  await workbench().ask("hostile");
  await chat.getByText("384 tokens of memory").waitFor();
  const answer = chat.locator(".markdown");
  const forbidden =
    "script, style, link, meta, img, svg, iframe, form, object, a[href], [src], [style]:not(.provenance, .strength *)";
  expect(await answer.locator(forbidden).count()).toBe(0);
  const handlers = await answer.evaluate((element) =>
    [...element.querySelectorAll("*")]
      .flatMap((each) => each.getAttributeNames())
      .filter((name) => name.startsWith("on")),
  );
  expect(handlers).toEqual([]);
  expect(await answer.locator("a").allInnerTexts()).toEqual(["web"]);
  // The buttons in it are the page's own: three of the block of code.
  expect(await answer.locator("[data-action]").count()).toBe(3);
  // Escapes of terminals are characters like others; what they would hide stays to be read.
  expect(await answer.innerText()).toContain("terminal");
  expect(await chat.locator("html").evaluate(() => document.title)).toBe("Repo Memory");
  await workbench().screenshot("hostile");
  await answer.locator("a").click();
  await page.getByRole("dialog").getByText("https://example.com/page").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  expect(requests.filter((url) => url.includes("example.com"))).toEqual([]);
});

test("the page's policy refuses scripts, styles, images, frames and connections that are not its own", async () => {
  const { chat } = workbench();
  const refused = await chat.locator("body").evaluate(async (body) => {
    const violations: string[] = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) =>
      violations.push(effectiveDirective),
    );
    const add = (tag: string, attributes: Record<string, string>, text = "") => {
      const element = body.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    const added = [
      add("img", { src: "https://example.com/x.png" }),
      add("script", { src: "https://example.com/x.js" }),
      add("script", {}, "document.title = 'taken'"),
      add("link", { rel: "stylesheet", href: "https://example.com/x.css" }),
      add("iframe", { src: "https://example.com/" }),
      add("div", { onclick: "document.title = 'taken'" }),
    ];
    added.at(-1)?.click();
    await fetch("https://example.com/").catch(() => {});
    await new Promise((resolve) => void setTimeout(resolve, 300));
    for (const each of added) each.remove();
    return { violations: [...new Set(violations)].toSorted(), title: document.title };
  });
  expect(refused.title).toBe("Repo Memory");
  expect(refused.violations).toEqual(
    expect.arrayContaining([
      "connect-src",
      "frame-src",
      "img-src",
      "script-src-attr",
      "script-src-elem",
      "style-src-elem",
    ]),
  );
});

test("a message from a foreign frame or of a foreign form changes nothing that is shown", async () => {
  const { chat } = workbench();
  const before = await chat.locator("#root").innerText();
  await chat.locator("body").evaluate(() => {
    for (const data of [null, 1, "x", [], {}, { type: "x" }, { type: "__proto__" }, { type: "constructor" }])
      window.postMessage(data, "*");
  });
  await chat.locator("body").evaluate(() => new Promise((resolve) => void setTimeout(resolve, 200)));
  expect(await chat.locator("#root").innerText()).toBe(before);
});
