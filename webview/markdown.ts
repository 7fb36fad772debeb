/**
 * A model's Markdown as safe HTML. What it writes is hostile until checked: no HTML of its own, no images, only http(s) links,
 * which have no address that the browser would follow; then a sanitizer that allows the tags below and nothing else.
 */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { t } from "./l10n.ts";

const TAGS =
  "a p br hr h3 h4 h5 h6 ul ol li blockquote strong em s code pre div span button table thead tbody tr th td".split(
    " ",
  );

const ATTRIBUTES = ["class", "data-url", "data-action", "title", "role", "tabindex", "aria-label", "type", "start"];

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false });

// Only these can be opened, after a question by the extension. Any other link stays the text that was written.
markdown.validateLink = (url) => /^https?:\/\//i.test(url);

markdown.renderer.rules["link_open"] = (tokens, index) => {
  const url = markdown.utils.escapeHtml(String(tokens[index]?.attrGet("href") ?? ""));
  return `<a class="link" role="link" tabindex="0" data-url="${url}" title="${url}">`;
};

// An image's address would be fetched by drawing it; the policy of the page refuses that too.
markdown.renderer.rules["image"] = (tokens, index) => {
  return `<span class="no-image">${markdown.utils.escapeHtml(t("[image: {0}]", tokens[index]?.content ?? ""))}</span>`;
};

// The page has its own headings above an answer's.
markdown.renderer.rules["heading_open"] = (tokens, index) => `<${headingTag(tokens[index]?.tag)}>`;
markdown.renderer.rules["heading_close"] = (tokens, index) => `</${headingTag(tokens[index]?.tag)}>\n`;

markdown.renderer.rules["fence"] = (tokens, index) =>
  codeBlock(tokens[index]?.content ?? "", tokens[index]?.info ?? "");
markdown.renderer.rules["code_block"] = (tokens, index) => codeBlock(tokens[index]?.content ?? "", "");

/** Markdown as HTML that needs no trust in who wrote it; `renderMarkdown` sanitizes it once more. */
export function toHtml(text: string): string {
  return markdown.render(text);
}

/** A part of an answer that stands by itself (a paragraph, a list, a block of code), and where it begins in the whole, in UTF-16 units. */
export interface MarkdownBlock {
  text: string;
  start: number;
}

/** The parts of an answer in their order. While it is being written only the last of them still grows. */
export function splitBlocks(text: string): MarkdownBlock[] {
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const offset = (line: number) => lineStarts[line] ?? text.length;
  const tops = markdown.parse(text, {}).filter(({ level, nesting, map }) => level === 0 && nesting >= 0 && map);
  const starts = tops.map(({ map }) => offset(map?.[0] ?? 0));
  return starts.map((start, index) => ({ text: text.slice(start, starts[index + 1]), start }));
}

/** Markdown as HTML to be put into the page. */
export function renderMarkdown(text: string): string {
  return DOMPurify.sanitize(toHtml(text), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

function headingTag(tag: string | undefined): string {
  const level = Number(tag?.slice(1) ?? 1);
  return `h${Math.min(6, Math.max(3, level + 2))}`;
}

function codeBlock(code: string, info: string): string {
  const { escapeHtml } = markdown.utils;
  const language = /^[\w+#.-]{1,20}/.exec(info)?.[0] ?? "";
  const button = (icon: string, action: string, label: string) =>
    `<button type="button" class="icon-button codicon codicon-${icon}" data-action="${action}" title="${escapeHtml(label)}" aria-label="${escapeHtml(label)}"></button>`;
  return (
    `<div class="code-block"><div class="code-bar"><span class="code-language">${escapeHtml(language)}</span>` +
    button("insert", "insert", t("Insert at cursor")) +
    button("git-pull-request-go-to-changes", "apply", t("Apply to the editor, after a look at the difference")) +
    button("copy", "copy", t("Copy code")) +
    `</div><pre tabindex="0"><code>${escapeHtml(code)}</code></pre></div>\n`
  );
}
