import { plural, splitPath } from "./format.ts";
import { Icon } from "./icon.tsx";
import { t } from "./l10n.ts";
import { linesText, rangeText } from "./place.ts";
import type { Citation } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** The sources of an answer, best first; each opens its lines. */
export function Citations({ citations }: { citations: readonly Citation[] }) {
  if (citations.length === 0) return null;
  const best = Math.max(...citations.map(({ share }) => share));
  return (
    <section class="citations" aria-label={plural(citations.length, "source")}>
      <h3 class="section-title">{t("Sources")}</h3>
      <ol>
        {citations.map((citation, index) => (
          <li key={rangeText(citation)}>
            <CitationButton citation={citation} number={index + 1} strength={best > 0 ? citation.share / best : 0} />
          </li>
        ))}
      </ol>
    </section>
  );
}

interface CitationProps {
  citation: Citation;
  /** Its place in the list, which the marks in the answer name. */
  number: number;
  /** 0 to 1: how much of the best source's attention this one had. */
  strength: number;
}

function CitationButton({ citation, number, strength }: CitationProps) {
  const { folder, name } = splitPath(citation.path);
  const { startLine, endLine, path } = citation;
  const percent = `${Math.round(citation.share * 100)} %`;
  return (
    <button
      type="button"
      class="citation"
      title={t("{0}\n{1} of the attention that the answer paid to the memory", rangeText(citation), percent)}
      aria-label={openLabel(citation)}
      onClick={() => send({ type: "open", path, startLine, endLine })}
    >
      {/* What stands beside the name is drawn by the style sheet: the button's own name says it in words. */}
      <span class="citation-number" data-text={number} />
      <Icon name="file-code" />
      <span class="citation-name">{name}</span>
      <span class="citation-lines" data-text={linesText(citation)} />
      <span class="citation-folder" data-text={folder.replace(/\/$/, "")} />
      <span class="strength" aria-hidden="true">
        <span ref={(bar) => void (bar && (bar.style.width = `${Math.max(8, strength * 100)}%`))} />
      </span>
    </button>
  );
}

/** What a button that opens these lines is called. */
export function openLabel({ path, startLine, endLine }: Citation): string {
  return t("Open {0}, lines {1} to {2}", path, startLine, endLine);
}
