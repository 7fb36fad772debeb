/** An icon of VS Code's own font, hidden from screen readers: what it stands beside or in has words. */
export function Icon({ name, spin = false }: { name: string; spin?: boolean }) {
  return <span class={`codicon codicon-${name}${spin ? " spin" : ""}`} aria-hidden="true" />;
}
