import { splitPath } from "./format.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import { rangeText } from "./place.ts";
import type { WindowBlock, Wishes } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** What the model attends to now: the blocks in its window by file, and which files the user keeps in it or out of it. */
export function MemoryTab({ window, wishes }: { window: readonly WindowBlock[]; wishes: Wishes }) {
  const files = Map.groupBy(window, ({ path }) => path);
  const best = Math.max(0, ...window.map(({ score }) => score));
  // Files that were pinned or left out since the last question are in no window yet, or in none any more.
  const others = [...wishes.pinned, ...wishes.excluded].filter((path) => !files.has(path));
  return (
    <div class="memory">
      <h2 class="section-title">{t("In the window now")}</h2>
      {window.length === 0 && (
        <p class="hint">
          {t(
            "Nothing yet. Ask something: the passages that the model then reads from memory are listed here, with the reason for each.",
          )}
        </p>
      )}
      <ul class="files" aria-label={t("Files in the window")}>
        {[...files].map(([path, blocks]) => (
          <File key={path} path={path} blocks={blocks} wishes={wishes} best={best} />
        ))}
      </ul>
      {others.length > 0 && (
        <>
          <h2 class="section-title">{t("From the next question on")}</h2>
          <ul class="files" aria-label={t("Files from the next question on")}>
            {others.map((path) => (
              <File key={path} path={path} blocks={[]} wishes={wishes} best={best} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

interface FileProps {
  path: string;
  blocks: readonly WindowBlock[];
  wishes: Wishes;
  /** The highest score in the window. */
  best: number;
}

function File({ path, blocks, wishes, best }: FileProps) {
  const isPinned = wishes.pinned.includes(path);
  const isExcluded = wishes.excluded.includes(path);
  const { folder, name } = splitPath(path);
  return (
    <li class={`file${isExcluded ? " excluded" : ""}`}>
      <div class="file-head">
        <Icon name="file-code" />
        <span class="file-name" title={path}>
          <span>{name}</span>
          <span class="file-folder">{folder.replace(/\/$/, "")}</span>
        </span>
        {isPinned && <span class="tag">{t("pinned")}</span>}
        {isExcluded && <span class="tag">{t("left out")}</span>}
        <IconButton
          icon={isPinned ? "pinned" : "pin"}
          label={isPinned ? t("Unpin {0}", path) : t("Pin {0}: keep it in the window", path)}
          pressed={isPinned}
          onClick={() => send({ type: "wish", path, wish: isPinned ? "none" : "pinned" })}
        />
        <IconButton
          icon={isExcluded ? "eye" : "eye-closed"}
          label={isExcluded ? t("Let {0} in again", path) : t("Leave {0} out of the window", path)}
          pressed={isExcluded}
          onClick={() => send({ type: "wish", path, wish: isExcluded ? "none" : "excluded" })}
        />
      </div>
      {blocks.length > 0 && (
        <ul>
          {blocks.map((block) => (
            <li key={rangeText(block)}>
              <Block block={block} strength={best > 0 ? block.score / best : 0} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Block({ block, strength }: { block: WindowBlock; strength: number }) {
  const { path, startLine, endLine, score, why } = block;
  const reason = reasonText(why);
  const lines = startLine === endLine ? t("line {0}", startLine) : t("lines {0}–{1}", startLine, endLine);
  return (
    <button
      type="button"
      class="block"
      title={t("{0}\nScore {1}: {2}", rangeText(block), score.toFixed(2), reason)}
      aria-label={t("Open {0}, {1}: {2}", path, lines, reason)}
      onClick={() => send({ type: "open", path, startLine, endLine })}
    >
      <span class="block-lines">{lines}</span>
      <span class="block-why" data-text={reason} />
      <span class="block-score" data-text={score.toFixed(2)} />
      <span class="strength" aria-hidden="true">
        <span ref={(bar) => void (bar && (bar.style.width = `${Math.max(8, Math.min(1, strength) * 100)}%`))} />
      </span>
    </button>
  );
}

/** Why a block was chosen, in the user's words. */
function reasonText(why: WindowBlock["why"]): string {
  const reasons: Record<WindowBlock["why"], string> = {
    words: t("has words of the question"),
    states: t("similar in meaning"),
    definition: t("defines a name in the question"),
    "file-name": t("its file is named"),
    neighbour: t("goes on from the one before"),
    pinned: t("its file is pinned"),
    asked: t("its lines were asked for"),
    all: t("all of the folder fits"),
  };
  return reasons[why];
}
