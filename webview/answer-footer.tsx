import { count, duration } from "./format.ts";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import type { AnswerMeta, Turn } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** Below an answer: what it took, and what can be done with it. */
export function AnswerFooter({ turn }: { turn: Turn }) {
  return (
    <footer class="footer">
      {turn.meta && <Meta meta={turn.meta} />}
      <IconButton icon="copy" label={t("Copy answer")} onClick={() => send({ type: "copy", text: turn.answer })} />
      <IconButton icon="refresh" label={t("Ask again")} onClick={() => send({ type: "retry", id: turn.id })} />
    </footer>
  );
}

function Meta({ meta }: { meta: AnswerMeta }) {
  const writing = meta.totalMs - meta.firstTokenMs;
  const rate = writing > 0 && meta.generatedTokens > 1 ? (1000 * (meta.generatedTokens - 1)) / writing : 0;
  const finish: Record<AnswerMeta["finish"], string> = {
    stop: "",
    length: t("cut at its longest"),
    cancelled: t("stopped"),
  };
  const parts = [
    finish[meta.finish],
    t("{0} tokens of memory", count(meta.memoryTokens)),
    t("first word {0}", duration(meta.firstTokenMs)),
    rate > 0 ? t("{0} tokens/s", rate.toFixed(0)) : "",
  ];
  const title = [
    t("Prompt: {0} tokens", meta.promptTokens),
    t("Memory: {0} tokens", meta.memoryTokens),
    t("Answer: {0} tokens", meta.generatedTokens),
    t("Look-up: {0}", duration(meta.lookupMs)),
    t("First token: {0}", duration(meta.firstTokenMs)),
    t("Total: {0}", duration(meta.totalMs)),
  ].join("\n");
  return (
    <span class="meta" title={title}>
      {parts.filter(Boolean).join(" · ")}
    </span>
  );
}
