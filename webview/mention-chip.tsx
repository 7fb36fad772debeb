import { Icon } from "./icon.tsx";
import { t } from "./l10n.ts";
import { describe } from "./mentions.ts";
import type { Mention } from "./protocol/turn.ts";

/** Something that a question is about; with `onRemove` it can be taken away again. */
export function MentionChip({ mention, onRemove }: { mention: Mention; onRemove?: () => void }) {
  const { icon, name, detail } = describe(mention);
  return (
    <span class="chip mention" title={detail}>
      <Icon name={icon} />
      <span class="chip-text">{name}</span>
      {onRemove && (
        <button type="button" class="chip-remove" aria-label={t("Leave out {0}", name)} onClick={onRemove}>
          <Icon name="close" />
        </button>
      )}
    </span>
  );
}
