import { useRef } from "preact/hooks";
import { IconButton } from "./icon-button.tsx";
import { t } from "./l10n.ts";
import { TABS, type Tab } from "./state.ts";
import { dispatch } from "./store.ts";
import { send } from "./vscode-api.ts";

/** The id of a tab's panel, for `aria-controls`. */
export function panelId(tab: Tab): string {
  return `panel-${tab}`;
}

/** Chooses what the panel shows. One stop for Tab, arrow keys move inside, as the ARIA practices have it. */
export function Tabs({ current, blocks }: { current: Tab; blocks: number }) {
  const list = useRef<HTMLDivElement>(null);
  const show = (tab: Tab) => {
    if (tab === "chats") send({ type: "searchChats", query: "" });
    dispatch({ type: "tab", tab });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const tab = tabFor(event.key, current);
    if (!tab) return;
    event.preventDefault();
    show(tab);
    list.current?.querySelector<HTMLElement>(`#tab-${tab}`)?.focus();
  };
  const labels: Record<Tab, string> = { chat: t("Chat"), memory: t("Memory"), chats: t("Chats") };
  return (
    <nav class="tabs" aria-label={t("Views")}>
      <div role="tablist" ref={list} onKeyDown={onKeyDown}>
        {TABS.map((tab) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            class="tab"
            aria-selected={tab === current}
            aria-controls={tab === current ? panelId(tab) : undefined}
            tabIndex={tab === current ? 0 : -1}
            onClick={() => show(tab)}
          >
            {labels[tab]}
            {tab === "memory" && blocks > 0 && <span class="badge">{blocks}</span>}
          </button>
        ))}
      </div>
      <IconButton icon="add" label={t("New chat")} onClick={() => send({ type: "newChat" })} />
    </nav>
  );
}

function tabFor(key: string, current: Tab): Tab | undefined {
  const at = TABS.indexOf(current);
  if (key === "ArrowRight") return TABS[(at + 1) % TABS.length];
  if (key === "ArrowLeft") return TABS[(at + TABS.length - 1) % TABS.length];
  if (key === "Home") return TABS[0];
  return key === "End" ? TABS.at(-1) : undefined;
}
