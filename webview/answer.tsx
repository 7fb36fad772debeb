import { createContext } from "preact";
import { memo } from "preact/compat";
import { useContext, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { activate, activateByKey } from "./answer-actions.ts";
import { highlightWhenSeen } from "./highlight.ts";
import { addLinks } from "./links.ts";
import { type MarkdownBlock, renderMarkdown, splitBlocks } from "./markdown.ts";
import type { SyntaxRule } from "./protocol/messages.ts";
import type { Turn } from "./protocol/turn.ts";
import { ProvenanceCard } from "./provenance-card.ts";
import { joinInCode } from "./join-in-code.ts";
import { markSentences } from "./sentences.ts";
import { isOpen } from "./state.ts";

/** The theme's colours for code. */
export const Syntax = createContext<readonly SyntaxRule[]>([]);

/** An answer's Markdown, part by part: what is written is not drawn again while the rest comes. */
export function Answer({ turn }: { turn: Turn }) {
  const syntax = useContext(Syntax);
  const open = isOpen(turn);
  const blocks = useMemo(() => splitBlocks(turn.answer), [turn.answer]);
  const sentences = useMemo(() => joinInCode(turn.sentences, blocks), [turn.sentences, blocks]);
  const element = useRef<HTMLDivElement>(null);
  const card = useMemo(() => new ProvenanceCard(), []);
  card.sentences = sentences;
  useLayoutEffect(() => (element.current ? card.attach(element.current) : undefined), []);
  return (
    <div
      ref={element}
      class={`markdown${turn.state === "writing" ? " writing" : ""}`}
      onClick={(event) => activate(event, card)}
      onKeyDown={activateByKey}
    >
      {blocks.map((block, index) => (
        <Block
          key={index}
          {...block}
          isEnded={!open || index < blocks.length - 1}
          sentences={sentences}
          links={turn.links}
          citations={turn.citations}
          syntax={syntax}
        />
      ))}
    </div>
  );
}

type BlockProps = MarkdownBlock &
  Pick<Turn, "sentences" | "links" | "citations"> & {
    isEnded: boolean;
    syntax: readonly SyntaxRule[];
  };

/** Preact holds the outer element only: what is in it is sanitized HTML, inert but for the actions above. */
const Block = memo(({ text, start, isEnded, sentences, links, citations, syntax }: BlockProps) => {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return undefined;
    current.innerHTML = renderMarkdown(text);
    if (!isEnded) return undefined;
    addLinks(current, links);
    markSentences(current, { text, start }, sentences, citations);
    return highlightWhenSeen(current, syntax);
  }, [text, start, isEnded, sentences, links, citations, syntax]);
  return <div class="markdown-block" ref={element} />;
});
