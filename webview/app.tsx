import { useEffect } from "preact/hooks";
import { Syntax } from "./answer.tsx";
import { ChatsList } from "./chats-list.tsx";
import { Composer } from "./composer.tsx";
import { EmptyState } from "./empty-state.tsx";
import { ErrorCard } from "./error-card.tsx";
import { MemoryMeter } from "./memory-meter.tsx";
import { MemoryTab } from "./memory-tab.tsx";
import { answering, type ViewState } from "./state.ts";
import { panelId, Tabs } from "./tabs.tsx";
import { Transcript } from "./transcript.tsx";
import { save } from "./vscode-api.ts";

/** The panel: what the memory holds, the chat, the question. */
export function App({ state }: { state: ViewState }) {
  const { engine, memory, turns, tab, chat } = state;
  const error = engine.kind === "failed" ? engine.error : memory.error;
  const window = turns.findLast((turn) => turn.window.length > 0)?.window ?? [];
  useEffect(() => save({ chat: chat?.id ?? "" }), [chat?.id]);
  return (
    <>
      <MemoryMeter engine={engine} memory={memory} />
      {error && (
        <div class="notice">
          <ErrorCard error={error} />
        </div>
      )}
      <Tabs current={tab} blocks={window.length} />
      <main class="panel">
        <div class="panel" id={panelId(tab)} role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {tab === "chats" && <ChatsList chats={state.chats} current={chat?.id} />}
          {tab === "memory" && <MemoryTab window={window} wishes={state.wishes} />}
          {tab === "chat" && turns.length > 0 && (
            <Syntax.Provider value={state.syntax}>
              <Transcript key={chat?.id} turns={turns} />
            </Syntax.Provider>
          )}
          {tab === "chat" && turns.length === 0 && <EmptyState folder={memory.folder} />}
        </div>
      </main>
      {tab !== "chats" && <Composer state={state} isAnswering={answering(turns) !== undefined} />}
      <div class="sr-only" role="status" aria-live="polite">
        {state.announcement}
      </div>
    </>
  );
}
