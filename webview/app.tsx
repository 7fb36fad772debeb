import { Composer } from "./composer.tsx";
import { ErrorCard } from "./error-card.tsx";
import { Icon } from "./icon.tsx";
import { MemoryMeter } from "./memory-meter.tsx";
import { answering, type ViewState } from "./state.ts";
import { Transcript } from "./transcript.tsx";
import { send } from "./vscode-api.ts";

/** The panel: what the memory holds, the chat, the question. */
export function App({ state }: { state: ViewState }) {
  const { engine, memory, turns } = state;
  const error = engine.kind === "failed" ? engine.error : memory.error;
  return (
    <>
      <MemoryMeter engine={engine} memory={memory} />
      {error && (
        <div class="notice">
          <ErrorCard error={error} />
        </div>
      )}
      {turns.length > 0 ? <Transcript turns={turns} /> : <EmptyState folder={memory.folder} />}
      <Composer memory={memory} isAnswering={answering(turns) !== undefined} focusRequests={state.focusRequests} />
      <div class="sr-only" role="status" aria-live="polite">
        {state.announcement}
      </div>
    </>
  );
}

const SUGGESTIONS = ["What is this repository for?", "Where does the program start?", "How is it tested?"];

function EmptyState({ folder }: { folder: string | undefined }) {
  return (
    <main class="empty" aria-label="Chat">
      <div class="empty-mark">
        <Icon name="database" />
      </div>
      <h1>{folder === undefined ? "Open a folder" : `Ask about ${folder}`}</h1>
      <p>
        Repo Memory reads the whole repository once and answers from what it remembers, with the lines that it looked
        at. Nothing leaves this machine.
      </p>
      {folder === undefined ? (
        <button type="button" class="button" onClick={() => send({ type: "openFolder" })}>
          Open folder
        </button>
      ) : (
        <ul class="suggestions" aria-label="Suggested questions">
          {SUGGESTIONS.map((question) => (
            <li key={question}>
              <button type="button" class="suggestion" onClick={() => send({ type: "ask", question })}>
                <span>{question}</span>
                <Icon name="arrow-right" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}
