import { expect, test } from "vitest";
import { toHtml } from "../../webview/markdown.ts";

test("HTML that a model writes is text", () => {
  expect(toHtml('<script>alert(1)</script> <img src=x onerror="alert(1)">')).not.toMatch(/<(script|img)/);
});

test.each([
  "command:workbench.action.quit",
  "javascript:alert(1)",
  "file:///etc/passwd",
  "vscode://x",
  "data:text/html,x",
])("%s is no link", (url) => {
  const html = toHtml(`[go](${url}) <${url}>`);
  expect(html).not.toContain("<a");
  expect(html).not.toContain("data-url");
});

test("a web link has no address that the page would follow, and cannot leave its attribute", () => {
  const html = toHtml('[go](https://example.com/?q="><b>x)');
  expect(html).toContain('data-url="https://example.com/');
  expect(html).not.toContain("href");
  expect(html).not.toContain("<b>");
});

test("an image is named, not fetched", () => {
  const html = toHtml("![pixel](https://example.com/p.png)");
  expect(html).toContain("[image: pixel]");
  expect(html).not.toContain("example.com");
});

test("code is escaped, and its language is a word", () => {
  const html = toHtml('```ts"><script>\nconst a = "<b>";\n```\n');
  expect(html).toContain("&lt;b&gt;");
  expect(html).not.toContain("<script");
  expect(html).toContain('<span class="code-language">ts</span>');
});
