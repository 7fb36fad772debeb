import { parseArgs } from "node:util";
import { RepoMemoryError } from "../protocol/errors.ts";

/** One option: how it is parsed and what `--help` says of it. */
export interface OptionSpec {
  type: "string" | "boolean";
  short?: string;
  /** What stands for the value in `--help`: "N", "FILE". */
  value?: string;
  help: string;
}

/** The least and the greatest number that an option takes. */
export interface NumberBounds {
  min: number;
  max: number;
  integer?: boolean;
}

/** An error of wrong usage: the program ends with exit code 2. */
export function usageError(message: string, remedy = "Run repo-memory --help for the commands."): RepoMemoryError {
  return new RepoMemoryError("usage", { message, remedy });
}

/** The arguments of one command, checked against its options. Every getter throws a usage error on a bad value. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #remedy: string;

  private constructor(positionals: readonly string[], values: Readonly<Record<string, unknown>>, remedy: string) {
    this.positionals = positionals;
    this.#values = values;
    this.#remedy = remedy;
  }

  /** @throws RepoMemoryError "usage" for an option that the command does not have, or one without its value. */
  static parse(args: readonly string[], options: Record<string, OptionSpec>, command: string): Arguments {
    const remedy = `Run repo-memory ${command} --help for its options.`;
    const config = Object.entries(options).map(([name, { type, short }]) => [
      name,
      short === undefined ? { type } : { type, short },
    ]);
    try {
      const parsed = parseArgs({ args: [...args], options: Object.fromEntries(config), allowPositionals: true });
      return new Arguments(parsed.positionals, { ...parsed.values }, remedy);
    } catch (error) {
      throw usageError(error instanceof Error ? error.message : String(error), remedy);
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    if (value === "") throw usageError(`--${name} is empty.`, this.#remedy);
    return typeof value === "string" ? value : undefined;
  }

  number(name: string, { min, max, integer = true }: NumberBounds): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max && (!integer || Number.isInteger(value))) return value;
    const kind = integer ? "a whole number" : "a number";
    throw usageError(`--${name} takes ${kind} from ${min} to ${max}, not "${text}".`, this.#remedy);
  }

  /** The positionals by name; `required` counts how many of `names` must be there. */
  expect(names: readonly string[], required = names.length): void {
    const missing = names.slice(this.positionals.length, required);
    if (missing.length > 0) throw usageError(`Missing: ${missing.join(", ")}.`, this.#remedy);
    const extra = this.positionals[names.length];
    if (extra === undefined) return;
    throw usageError(`Not expected: "${extra}". A question of several words stands in quotes.`, this.#remedy);
  }

  /** A positional that `expect` has found. */
  positional(index: number): string {
    const value = this.positionals[index];
    if (value === undefined || value.trim() === "") throw usageError("An argument is empty.", this.#remedy);
    return value;
  }
}

/** `fields` without those that are undefined, for parameters that are left out rather than undefined. */
export function given<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the filter makes it so; the compiler cannot see through it
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };
}
