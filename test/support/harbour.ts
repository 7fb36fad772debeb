/** A folder of Python files that is too large to be read as plain text, with one constant to ask for. */
import { temporaryFolder } from "./folder.ts";

/** What `src/harbour.py` says. */
export const HARBOUR = `"""Berths of the harbour."""

HARBOUR_BERTHS = 48213


def free_berths(taken):
    return HARBOUR_BERTHS - taken
`;

/** A file's worth of text that has nothing to do with harbours. */
export function filler(name: string, steps = 24): string {
  const functions = Array.from(
    { length: steps },
    (_, i) =>
      `def ${name}_step_${i}(value):\n    """Shift a ${name} by ${i} and wrap it."""\n    return (value + ${i}) % 97\n`,
  );
  return functions.join("\n\n");
}

/** Makes the folder; it goes when the test ends. @param steps functions in each of the files that are not about the harbour */
export function harbourProject(steps?: number): string {
  const others = ["lantern", "anchor", "rudder"].map((name) => [`src/${name}.py`, filler(name, steps)] as const);
  return temporaryFolder({ "src/harbour.py": HARBOUR, ...Object.fromEntries(others) });
}
