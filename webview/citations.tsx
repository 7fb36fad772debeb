import { plural, splitPath } from "./format.ts";
import { Icon } from "./icon.tsx";
import type { Citation } from "./protocol/messages.ts";
import { send } from "./vscode-api.ts";

/** The sources of an answer, best first; each opens its lines. */
export function Citations({ citations }: { citations: readonly Citation[] }) {
  if (citations.length === 0) return null;
  const best = Math.max(...citations.map(({ share }) => share));
  return (
    <section class="citations" aria-label={plural(citations.length, "source")}>
      <h3 class="section-title">Sources</h3>
      <ul>
        {citations.map((citation) => (
          <li key={key(citation)}>
            <CitationButton citation={citation} strength={best > 0 ? citation.share / best : 0} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A file's lines as one would write them: `src/a.ts:3-9`. */
export function rangeText({ path, startLine, endLine }: Omit<Citation, "share">): string {
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}

/** `strength`: 0 to 1, how much of the best source's attention this one had. */
function CitationButton({ citation, strength }: { citation: Citation; strength: number }) {
  const { folder, name } = splitPath(citation.path);
  const { startLine, endLine, path } = citation;
  const percent = `${Math.round(citation.share * 100)} %`;
  return (
    <button
      type="button"
      class="citation"
      title={`${rangeText(citation)}\n${percent} of the attention that the answer paid to the memory`}
      aria-label={`Open ${path}, lines ${startLine} to ${endLine}`}
      onClick={() => send({ type: "open", path, startLine, endLine })}
    >
      <Icon name="file-code" />
      <span class="citation-name">{name}</span>
      <span class="citation-lines">{startLine === endLine ? `:${startLine}` : `:${startLine}-${endLine}`}</span>
      <span class="citation-folder">{folder.replace(/\/$/, "")}</span>
      <span class="strength" aria-hidden="true">
        <span ref={(bar) => void (bar && (bar.style.width = `${Math.max(8, strength * 100)}%`))} />
      </span>
    </button>
  );
}

function key({ path, startLine, endLine }: Citation): string {
  return `${path}:${startLine}-${endLine}`;
}
