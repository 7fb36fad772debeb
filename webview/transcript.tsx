import { memo } from "preact/compat";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Citations, rangeText } from "./citations.tsx";
import { ErrorCard } from "./error-card.tsx";
import { count, duration, plural } from "./format.ts";
import { Icon } from "./icon.tsx";
import { renderMarkdown } from "./markdown.ts";
import type { AnswerMeta, Turn } from "./protocol/messages.ts";
import { isOpen } from "./state.ts";
import { send } from "./vscode-api.ts";

/** Nearer than this to the end, in pixels, the view follows the answer down. */
const NEAR_END = 60;

/** The questions and answers. Follows the newest text unless the user scrolled up to read. */
export function Transcript({ turns }: { turns: readonly Turn[] }) {
  const list = useRef<HTMLElement>(null);
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
    <main class="transcript" aria-label="Chat" ref={list} onScroll={onScroll} tabIndex={-1}>
      {turns.map((turn) => (
        <TurnView key={turn.id} turn={turn} />
      ))}
    </main>
  );
}

const TurnView = memo(({ turn }: { turn: Turn }) => (
  <article class="turn" aria-label={`Question ${turn.id}`} aria-busy={isOpen(turn)}>
    <div class="question">
      <h2 class="sr-only">Question</h2>
      {turn.selection && <SelectionButton selection={turn.selection} />}
      <p>{turn.question}</p>
    </div>
    <div class="answer">
      <h2 class="answer-title">
        <Icon name="sparkle" />
        Repo Memory
      </h2>
      <Steps turn={turn} />
      {turn.found?.readSoFar !== undefined && <ReadSoFar share={turn.found.readSoFar} />}
      {turn.answer !== "" && <Answer text={turn.answer} writing={turn.state === "writing"} />}
      {turn.error && <ErrorCard error={turn.error} onRetry={() => send({ type: "retry", id: turn.id })} />}
      <Citations citations={turn.citations} />
      {!isOpen(turn) && turn.answer !== "" && <Footer turn={turn} />}
    </div>
  </article>
));

function SelectionButton({ selection }: { selection: NonNullable<Turn["selection"]> }) {
  return (
    <button
      type="button"
      class="chip"
      title="Open the selected lines"
      onClick={() => send({ type: "open", ...selection })}
    >
      <Icon name="list-selection" />
      {rangeText(selection)}
    </button>
  );
}

/** What happens before the first word: an empty wait would look like a hang. */
function Steps({ turn }: { turn: Turn }) {
  const { state, found } = turn;
  if (state === "waiting" || state === "looking") return <Step text="Looking in the memory" busy />;
  if (!found || found.blocks === 0) return state === "reading" ? <Step text="Thinking" busy /> : null;
  const text = `${plural(found.blocks, "passage")} from ${plural(found.files, "file")}`;
  return <Step text={state === "reading" ? `Recalling ${text}` : `Recalled ${text}`} busy={state === "reading"} />;
}

/** The answer may lack what is not in memory yet. */
function ReadSoFar({ share }: { share: number }) {
  return (
    <div class="step">
      <Icon name="info" />
      <span>{`Read so far: ${Math.floor(100 * share)} %`}</span>
    </div>
  );
}

function Step({ text, busy }: { text: string; busy: boolean }) {
  return (
    <div class="step">
      <Icon name={busy ? "loading" : "check"} spin={busy} />
      <span>{text}</span>
    </div>
  );
}

function Answer({ text, writing }: { text: string; writing: boolean }) {
  const html = useMemo(() => renderMarkdown(text), [text]);
  return (
    <div
      class={`markdown${writing ? " writing" : ""}`}
      onClick={(event) => activate(event.target)}
      onKeyDown={(event) => event.key === "Enter" && activate(event.target)}
      // Sanitized just above; everything in it is inert but for the two actions below.
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}

/** A click inside the answer's HTML: on a link or a copy button. */
function activate(target: EventTarget | null): void {
  if (!(target instanceof HTMLElement)) return;
  const url = target.closest("a[data-url]")?.getAttribute("data-url");
  if (url) return send({ type: "link", url });
  const copy = target.closest("[data-action=copy]");
  const code = copy?.closest(".code-block")?.querySelector("code")?.textContent;
  if (copy && code) send({ type: "copy", text: code });
}

function Footer({ turn }: { turn: Turn }) {
  return (
    <footer class="footer">
      {turn.meta && <Meta meta={turn.meta} />}
      <button
        type="button"
        class="icon-button"
        title="Copy answer"
        aria-label="Copy answer"
        onClick={() => send({ type: "copy", text: turn.answer })}
      >
        <Icon name="copy" />
      </button>
      <button
        type="button"
        class="icon-button"
        title="Ask again"
        aria-label="Ask again"
        onClick={() => send({ type: "retry", id: turn.id })}
      >
        <Icon name="refresh" />
      </button>
    </footer>
  );
}

const FINISH: Record<AnswerMeta["finish"], string> = { stop: "", length: "cut at its longest", cancelled: "stopped" };

function Meta({ meta }: { meta: AnswerMeta }) {
  const writing = meta.totalMs - meta.firstTokenMs;
  const rate = writing > 0 && meta.generatedTokens > 1 ? (1000 * (meta.generatedTokens - 1)) / writing : 0;
  const parts = [
    FINISH[meta.finish],
    `${count(meta.memoryTokens)} tokens of memory`,
    `first word ${duration(meta.firstTokenMs)}`,
    rate > 0 ? `${rate.toFixed(0)} tokens/s` : "",
  ];
  const title = [
    `Prompt: ${meta.promptTokens} tokens`,
    `Memory: ${meta.memoryTokens} tokens`,
    `Answer: ${meta.generatedTokens} tokens`,
    `Look-up: ${duration(meta.lookupMs)}`,
    `First token: ${duration(meta.firstTokenMs)}`,
    `Total: ${duration(meta.totalMs)}`,
  ].join("\n");
  return (
    <span class="meta" title={title}>
      {parts.filter(Boolean).join(" · ")}
    </span>
  );
}
