/** A corpus's functions with the pieces of each brought together: overloads, prototypes and bodies. */
import type { SourceFacts, SourceFunction } from "./source-facts.ts";
import type { LineRange } from "../../engine/protocol/requests.ts";

/** Lines of a definition in which it counts as found: a block far inside a long body does not show whose it is. */
export const SHOWN_LINES = 30;

/** A function, method, class or constant that only one thing in the corpus is called by. */
export interface UniqueDefinition {
  name: string;
  golds: LineRange[];
}

/** A function with all its pieces, of which exactly one has a body. */
export interface FunctionGroup extends UniqueDefinition {
  pieces: SourceFunction[];
  body: SourceFunction;
  /** Whether nothing else in the corpus has its name. */
  isUnique: boolean;
}

/** Groups functions by file and class; in C++, where bodies lie in other files than prototypes, by class alone. */
export function groupFunctions({ functions, classes, constants }: SourceFacts): FunctionGroup[] {
  const keys = Map.groupBy(
    functions,
    ({ path, owner, name }) => `${/\.(?:cc|h)$/.test(path) ? "" : path}:${owner}.${name}`,
  );
  const uses = new Map<string, number>();
  const count = (name: string): void => void uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const [first] of keys.values()) if (first !== undefined) count(first.name);
  for (const { name } of [...classes, ...constants]) count(name);
  return [...keys.values()].flatMap((pieces) => {
    const [body, another] = pieces.filter(({ bodyLines }) => bodyLines > 0);
    if (body === undefined || another !== undefined || pieces.length > 8) return [];
    return [{ name: body.name, golds: pieces.map(shown), pieces, body, isUnique: uses.get(body.name) === 1 }];
  });
}

/** Functions and classes whose names are unique, in file order. */
export function uniqueDefinitions(facts: SourceFacts, groups: readonly FunctionGroup[]): UniqueDefinition[] {
  const names = new Map<string, number>();
  for (const { name } of [...facts.classes, ...facts.constants, ...facts.functions]) {
    names.set(name, (names.get(name) ?? 0) + 1);
  }
  const classes = facts.classes.filter(({ name }) => names.get(name) === 1);
  return [...groups.filter(({ isUnique }) => isUnique), ...classes.map((each) => ({ ...each, golds: [shown(each)] }))];
}

function shown({ path, lines }: Pick<SourceFunction, "path" | "lines">): LineRange {
  return { path, startLine: lines.first, endLine: Math.min(lines.last, lines.first + SHOWN_LINES - 1) };
}
