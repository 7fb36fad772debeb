/**
 * A small code base that nobody wrote, and questions about it with the block that answers each: what a model's retrieval
 * heads are found by. The right block is known because it was made, so no labels and no download are needed.
 */
import { NameMaker, pascal } from "./made-names.ts";
import { type MadeConstant, type MadeRecord, type MadeRoutine, type Style, STYLES } from "./made-styles.ts";

/** Files of a code base. */
export const MADE_FILES = 16;
/** Blocks of a file, of about 110 tokens each. */
const FILE_BLOCKS = 4;
/** Different questions about a block. */
const BLOCK_QUESTIONS = 2;
/** Invented words that all names share: so few that most stand in several blocks. */
const TOPICS = 64;

const VERBS = [
  "load",
  "merge",
  "parse",
  "trim",
  "encode",
  "schedule",
  "collect",
  "drain",
  "resolve",
  "measure",
] as const;
const NOUNS = [
  "buffer",
  "header",
  "record",
  "queue",
  "cursor",
  "route",
  "packet",
  "ledger",
  "sensor",
  "frame",
] as const;
const LIMITS = ["limit", "timeout", "capacity", "interval", "threshold", "retries", "margin", "quota"] as const;
const OPTIONS = ["depth", "offset", "ratio", "attempts", "step", "weight", "padding", "delay"] as const;
const FIELDS = ["id", "size", "count", "state", "owner", "index"] as const;

export interface MadeFile {
  path: string;
  /** Texts of its blocks, in order; the file is these joined. */
  blocks: readonly string[];
}

export interface MadeQuestion {
  text: string;
  /** The block that answers it, counted over all files in order. */
  block: number;
}

export interface MadeCode {
  files: readonly MadeFile[];
  /** `BLOCK_QUESTIONS` about each block, in the blocks' order. */
  questions: readonly MadeQuestion[];
}

/** What a block defines: a routine, and a constant or a record. */
interface Defined {
  style: Style;
  constant?: MadeConstant;
  record?: MadeRecord;
  routine: Omit<MadeRoutine, "usedConstant" | "usedRoutine">;
}

/** Makes files and questions; one seed, one result. */
export function makeCode(seed: number): MadeCode {
  const names = new NameMaker(seed, TOPICS);
  const blocks = Array.from({ length: MADE_FILES * FILE_BLOCKS }, (_, index) =>
    define(names, STYLES[Math.floor(index / FILE_BLOCKS) % STYLES.length] ?? STYLES[0]),
  );
  const texts = blocks.map((block) => write(block, blocks, names));
  const files = Array.from({ length: MADE_FILES }, (_, file) => ({
    path: `${names.pick(NOUNS)}s/${names.topic()}.${blocks[file * FILE_BLOCKS]?.style.extension ?? ""}`,
    blocks: texts.slice(file * FILE_BLOCKS, (file + 1) * FILE_BLOCKS),
  }));
  const questions = blocks.flatMap((block, index) => askAbout(block, names).map((text) => ({ text, block: index })));
  return { files, questions };
}

function define(names: NameMaker, style: Style): Defined {
  const routine = defineRoutine(names);
  if (names.integer(0, 2) > 0) {
    const name = names.unique(() => [names.topic(), names.pick(NOUNS), names.pick(LIMITS)]);
    return { style, routine, constant: { name, value: String(names.integer(2, 9999)) } };
  }
  const name = names.unique(() => [names.topic(), names.pick(NOUNS)]);
  return { style, routine, record: { name, field: names.unique(() => [names.topic(), names.pick(FIELDS)]) } };
}

function defineRoutine(names: NameMaker): Defined["routine"] {
  const name = names.unique(() => [names.pick(VERBS), names.topic(), names.pick(NOUNS)]);
  const [verb = "", ...object] = name;
  return {
    name,
    purpose: `${pascal([verb])}s what the ${object.join(" ")} holds`,
    items: [names.topic(), names.pick(["items", "inputs", "entries"])],
    option: { name: [names.pick(OPTIONS)], value: String(names.integer(2, 99)) },
    result: [names.pick(["kept", "found", "sorted"]), names.pick(["rows", "values", "parts"])],
  };
}

/** A block's text; its routine uses a constant and a routine that other blocks define. */
function write(block: Defined, blocks: readonly Defined[], names: NameMaker): string {
  const { style, constant, record, routine } = block;
  const others = names.shuffled(blocks.filter((other) => other !== block));
  const usedConstant = others.find((other) => other.constant)?.constant?.name ?? routine.name;
  const usedRoutine = others[0]?.routine.name ?? routine.name;
  const before = (constant ? style.constant(constant) : "") + (record ? style.record(record) : "");
  return before + style.routine({ ...routine, usedConstant, usedRoutine });
}

function askAbout({ style, constant, record, routine }: Defined, names: NameMaker): string[] {
  const name = style.routineName(routine.name);
  const [verb = "", ...object] = routine.name;
  const kinds = [
    `Where is ${name} defined?`,
    `What does ${name} return?`,
    `Which function ${verb}s the ${object.join(" ")}?`,
  ];
  if (style.hasDefaults) kinds.push(`What is the default of ${style.memberName(routine.option.name)} in ${name}?`);
  if (constant) kinds.push(`What is the value of ${style.constantName(constant.name)}?`);
  if (record) {
    kinds.push(`Which type has the field ${style.memberName(record.field)}?`);
    kinds.push(`Where is ${pascal(record.name)} declared?`);
  }
  return names.shuffled(kinds).slice(0, BLOCK_QUESTIONS);
}
