import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "./l10n.ts";
import type { Turn } from "./protocol/turn.ts";
import { TurnView } from "./turn-view.tsx";

/** Nearer than this to the end, in pixels, the view follows the answer down. */
const NEAR_END = 60;

/**
 * The questions and answers. Follows the newest text unless the user scrolled up to read. Turns out of sight are neither laid out nor
 * painted (`content-visibility` in chat.css): unlike elements that are taken out of the page, they are still found by search,
 * read by screen readers and reached by the Tab key.
 */
export function Transcript({ turns }: { turns: readonly Turn[] }) {
  const list = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const last = turns.at(-1);
  useLayoutEffect(() => {
    if (follows.current || last?.state === "waiting") list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = list.current ?? {};
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  return (
    // Focusable, so that the keyboard can scroll it.
    <div class="transcript" role="region" aria-label={t("Answers")} ref={list} onScroll={onScroll} tabIndex={0}>
      {turns.map((turn) => (
        <TurnView key={turn.id} turn={turn} />
      ))}
    </div>
  );
}
