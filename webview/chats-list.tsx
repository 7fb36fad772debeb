import { useEffect, useRef, useState } from "preact/hooks";
import { ago, plural } from "./format.ts";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import { type ChatSummary, MAX_TITLE_LENGTH } from "./protocol/turn.ts";
import { send } from "./vscode-api.ts";

/** All chats of the workspace, the latest first: search, open, rename, export, delete. */
export function ChatsList({ chats, current }: { chats: readonly ChatSummary[]; current: string | undefined }) {
  const [query, setQuery] = useState("");
  const search = (text: string) => {
    setQuery(text);
    send({ type: "searchChats", query: text });
  };
  return (
    <>
      <div class="search">
        <span class="codicon codicon-search" aria-hidden="true" />
        <input
          type="search"
          value={query}
          maxLength={200}
          placeholder={t("Search chats")}
          aria-label={t("Search chats")}
          onInput={(event) => search(event.currentTarget.value)}
        />
      </div>
      {chats.length === 0 ? (
        <p class="hint">
          {query === "" ? t("No chat yet. Ask something, and it is kept here.") : t("No chat has that.")}
        </p>
      ) : (
        <ul class="chats" aria-label={t("Chats")}>
          {chats.map((chat) => (
            <ChatRow key={chat.id} chat={chat} isCurrent={chat.id === current} />
          ))}
        </ul>
      )}
    </>
  );
}

function ChatRow({ chat, isCurrent }: { chat: ChatSummary; isCurrent: boolean }) {
  const [renaming, setRenaming] = useState(false);
  const { id, title, changed, turns, excerpt } = chat;
  if (renaming) return <Rename chat={chat} onEnd={() => setRenaming(false)} />;
  return (
    <li class={`chat-row${isCurrent ? " current" : ""}`}>
      <button type="button" class="chat-open" aria-current={isCurrent} onClick={() => send({ type: "openChat", id })}>
        <span class="chat-title">{title}</span>
        {excerpt !== undefined && <span class="chat-excerpt">{excerpt}</span>}
        <span class="chat-facts">{`${ago(changed)} · ${plural(turns, "question")}`}</span>
      </button>
      <div class="chat-actions">
        <IconButton icon="edit" label={t("Rename “{0}”", title)} onClick={() => setRenaming(true)} />
        <IconButton icon="export" label={t("Export “{0}”", title)} onClick={() => send({ type: "exportChat", id })} />
        <IconButton icon="trash" label={t("Delete “{0}”", title)} onClick={() => send({ type: "deleteChat", id })} />
      </div>
    </li>
  );
}

function Rename({ chat: { id, title }, onEnd }: { chat: ChatSummary; onEnd: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onEnd();
    if (event.key !== "Enter" || event.isComposing) return;
    const name = field.current?.value.trim() ?? "";
    if (name !== "") send({ type: "renameChat", id, title: name });
    onEnd();
  };
  return (
    <li class="chat-row">
      <input
        ref={field}
        class="rename"
        defaultValue={title}
        maxLength={MAX_TITLE_LENGTH}
        aria-label={t("New name of the chat. Enter keeps it, Escape leaves it.")}
        onKeyDown={onKeyDown}
        onBlur={onEnd}
      />
    </li>
  );
}
