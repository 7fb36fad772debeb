import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { t } from "./l10n.ts";

/** One entry of the list: what it looks like, and what choosing it does. */
export interface Completion {
  key: string;
  icon: string;
  name: string;
  detail: string;
  choose: () => void;
}

/** The id of the list, and of its chosen entry, for the field that controls it. */
export const LIST_ID = "completions";
export const CHOSEN_ID = "completion-chosen";

/** What can be completed. The field keeps the focus; `chosen` is the entry that Enter takes. */
export function CompletionList({ completions, chosen }: { completions: readonly Completion[]; chosen: number }) {
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current?.querySelector(`#${CHOSEN_ID}`)?.scrollIntoView({ block: "nearest" }), [chosen]);
  return (
    <ul class="completions" role="listbox" id={LIST_ID} aria-label={t("Suggestions")} ref={list}>
      {completions.map(({ key, icon, name, detail, choose }, index) => (
        <li
          key={key}
          role="option"
          id={index === chosen ? CHOSEN_ID : undefined}
          aria-selected={index === chosen}
          class="completion"
          // Before the field loses the focus.
          onMouseDown={(event) => {
            event.preventDefault();
            choose();
          }}
        >
          <Icon name={icon} />
          <span class="completion-name">{name}</span>
          <span class="completion-detail">{detail}</span>
        </li>
      ))}
    </ul>
  );
}
