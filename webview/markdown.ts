/**
 * A model's Markdown as safe HTML. What it writes is hostile until checked: no HTML of its own, no images, only http(s) links,
 * which have no address that the browser would follow; then a sanitizer that allows the tags below and nothing else.
 */
import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

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
  return `<span class="no-image">${markdown.utils.escapeHtml(`[image: ${tokens[index]?.content ?? ""}]`)}</span>`;
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
  return (
    `<div class="code-block"><div class="code-bar"><span>${escapeHtml(language)}</span>` +
    `<button type="button" class="icon-button codicon codicon-copy" data-action="copy" title="Copy" aria-label="Copy code"></button>` +
    `</div><pre tabindex="0"><code>${escapeHtml(code)}</code></pre></div>\n`
  );
}
