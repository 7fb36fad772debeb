import { Icon } from "./icon.tsx";

interface IconButtonProps {
  icon: string;
  label: string;
  onClick: () => void;
  /** For a button that is on or off. */
  pressed?: boolean;
}

/** A button that is only an icon: its name is in the tooltip, and for screen readers. */
export function IconButton({ icon, label, onClick, pressed }: IconButtonProps) {
  return (
    <button type="button" class="icon-button" title={label} aria-label={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
