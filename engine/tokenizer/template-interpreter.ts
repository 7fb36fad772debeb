import * as jinja from "@huggingface/jinja";
import { RepoMemoryError } from "../protocol/errors.ts";

/** Published templates are below 20,000 characters. */
const MAX_TEMPLATE_CHARS = 1 << 18;
/** Steps of evaluation; a hundred turns through the longest published template take about 100,000. */
const MAX_STEPS = 2_000_000;
/** Entries that a list or mapping may have, those of its entries included, and numbers that one `range` may give. */
const MAX_ENTRIES = 100_000;
/** Any string while rendering, besides twice the length of what was passed in. */
const MAX_CHARS = 1 << 22;
/** The date that Llama 3's template falls back to. Today's would make every day's prompts start differently. */
const FIXED_DATE = "26 Jul 2024";

/** What evaluation gives; the package's own declarations import without extensions, which leaves them `any`. */
interface RuntimeValue {
  readonly type: string;
  readonly value: unknown;
}

interface TemplateEnvironment {
  set(name: string, value: unknown): unknown;
}

interface TemplateInterpreter {
  evaluate(statement: unknown, environment: TemplateEnvironment): RuntimeValue;
  run(program: unknown): RuntimeValue;
}

const Interpreter: new (environment: TemplateEnvironment) => TemplateInterpreter = jinja.Interpreter;
const Environment: new () => TemplateEnvironment = jinja.Environment;

/** Evaluates a template that may be hostile: steps, strings and lists are bounded. */
class BoundedInterpreter extends Interpreter {
  #steps = 0;
  readonly #maxChars: number;
  /** Entries of each list and mapping seen, nested ones included: a list that holds itself twice, often, is small but prints huge. */
  readonly #entries = new WeakMap<RuntimeValue, number>();

  constructor(environment: TemplateEnvironment, maxChars: number) {
    super(environment);
    this.#maxChars = maxChars;
  }

  override evaluate(statement: unknown, environment: TemplateEnvironment): RuntimeValue {
    if (++this.#steps > MAX_STEPS) throw new RangeError("it does not come to an end");
    const result = super.evaluate(statement, environment);
    const { value } = result;
    if (typeof value === "string" && value.length > this.#maxChars) throw new RangeError("its text grows without end");
    if (typeof value === "object" && value !== null) this.#count(result);
    return result;
  }

  #count(result: RuntimeValue): number {
    const known = this.#entries.get(result);
    if (known !== undefined) return known;
    const { value } = result;
    const inner: Iterable<unknown> = Array.isArray(value) ? value : value instanceof Map ? value.values() : [];
    let entries = 1;
    for (const entry of inner) entries += (isRuntimeValue(entry) && this.#entries.get(entry)) || 1;
    if (entries > MAX_ENTRIES) throw new RangeError("its lists grow without end");
    this.#entries.set(result, entries);
    return entries;
  }
}

function isRuntimeValue(value: unknown): value is RuntimeValue {
  return typeof value === "object" && value !== null && "value" in value;
}

/**
 * Renders a Jinja chat template with `variables`, in bounded time and memory and to the same text every day.
 * @throws RepoMemoryError `model-invalid` when the template is malformed, raises an exception or exceeds the bounds.
 */
export function renderTemplate(source: string, variables: Readonly<Record<string, unknown>>): string {
  try {
    if (source.length > MAX_TEMPLATE_CHARS) throw new RangeError("it is too long");
    const program: unknown = jinja.parse(jinja.tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...globals(), ...variables })) environment.set(name, value);
    const maxChars = MAX_CHARS + 2 * JSON.stringify(variables).length;
    return String(new BoundedInterpreter(environment, maxChars).run(program).value);
  } catch (cause) {
    throw templateError(cause);
  }
}

function globals(): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    date_string: FIXED_DATE,
    raise_exception: (message: unknown) => {
      throw new Error(String(message));
    },
    range: boundedRange,
    strftime_now: () => FIXED_DATE,
  };
}

/** Python's `range`. */
function boundedRange(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_ENTRIES)) throw new RangeError("range() is too long");
  return Array.from({ length }, (_, i) => start + i * step);
}

function templateError(cause: unknown): RepoMemoryError {
  if (cause instanceof RepoMemoryError) return cause;
  return new RepoMemoryError("model-invalid", {
    message: `The model's chat template failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    meaning: "A conversation cannot be put into the form that the model expects.",
    remedy: "Choose another model, or another file of the same model.",
    cause,
  });
}
