/** A real package's sources with constants planted in them, as a folder to ingest. */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

/** Mocha's own sources: 60 hand-written files, 112,000 tokens of SmolLM2's; the lock file pins their version. */
const PACKAGE = fileURLToPath(new URL("../../node_modules/mocha/", import.meta.url));
const SOURCES = "lib";
/** Shorter files have few places to plant in. */
const SHORTEST_FILE = 1500;
const SEED = 20;

/** A line that the package does not have, and the question that it answers. */
export interface PlantedConstant {
  question: string;
  value: number;
  /** Relative to the folder, with `/`. */
  path: string;
  /** 1-based. */
  line: number;
}

/** How a constant may look and be asked for; each is used in turn. */
const DECLARATIONS: readonly ((name: string, value: number) => string)[] = [
  (name, value) => `export const ${name} = ${value};`,
  (name, value) => `const ${name} = ${value};`,
];
const QUESTIONS: readonly ((name: string) => string)[] = [
  (name) => `What is the value of ${name}?`,
  (name) => `What is ${name} set to?`,
  (name) => `Which number is ${name}?`,
];
const NAMES = [
  "RELAY_TIMEOUT_MS", "maxRetriesPerShard", "SNAPSHOT_BUFFER_BYTES", "heartbeatGraceSeconds", "QUOTA_WINDOW_SIZE",
  "defaultLeaseDuration", "TELEMETRY_FLUSH_LIMIT", "parserRecursionCap", "INDEX_PAGE_ROWS", "socketBacklogDepth",
  "ARCHIVE_CHUNK_BYTES", "cacheEvictionBatch", "MIRROR_PORT", "orphanSweepInterval", "TOKEN_BUCKET_CAPACITY",
  "previewThumbnailWidth", "LEDGER_EPOCH_OFFSET", "workerStackKilobytes", "AUDIT_LOG_MAX_LINES", "pollingJitterMs",
]; // prettier-ignore

/**
 * The folder (made on first use, and found again while package, seed and this file stay as they are) and its constants.
 * @param parent where such folders are kept
 */
export function plantedCorpus(parent: string): { folder: string; constants: PlantedConstant[] } {
  const version = readFileSync(join(PACKAGE, "package.json"), "utf8");
  const recipe = readFileSync(fileURLToPath(import.meta.url));
  const name = `planted-${createHash("sha256").update(version).update(recipe).digest("hex").slice(0, 12)}`;
  const folder = join(parent, name);
  const texts = new Map(sourceFiles().map((path) => [path, readFileSync(join(PACKAGE, path), "utf8")]));
  const constants = plant(texts);
  if (!existsSync(folder)) write(folder, texts);
  return { folder, constants };
}

function sourceFiles(): string[] {
  return readdirSync(join(PACKAGE, SOURCES), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?js$/.test(entry.name))
    .map((entry) => relative(PACKAGE, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

/** Puts each constant into a file of its own, between two top-level statements; `texts` is changed. */
function plant(texts: Map<string, string>): PlantedConstant[] {
  const random = seededRandom(SEED);
  const free = [...texts]
    .filter(([, text]) => text.length >= SHORTEST_FILE && places(text).length > 0)
    .map(([path]) => path);
  return NAMES.map((name, i) => {
    const [path = ""] = free.splice(randomInteger(random, free.length), 1);
    const lines = (texts.get(path) ?? "").split("\n");
    const at = randomChoice(random, places(lines.join("\n")));
    const value = 10_000 + randomInteger(random, 90_000);
    lines.splice(at, 0, DECLARATIONS[i % DECLARATIONS.length]?.(name, value) ?? "", "");
    texts.set(path, lines.join("\n"));
    return { question: QUESTIONS[i % QUESTIONS.length]?.(name) ?? "", value, path, line: at + 1 };
  });
}

/** Indices of lines that begin a top-level statement or comment after an empty line. */
function places(text: string): number[] {
  const lines = text.split("\n");
  return [...lines.keys()].filter((i) => i > 0 && lines[i - 1] === "" && /^(?:[a-z]|\/\*\*)/i.test(lines[i] ?? ""));
}

/** Renamed into place when whole, so that an interrupted run leaves nothing that looks complete. */
function write(folder: string, texts: ReadonlyMap<string, string>): void {
  const work = `${folder}.tmp`;
  rmSync(work, { recursive: true, force: true });
  for (const [path, text] of texts) {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), text);
  }
  cpSync(join(PACKAGE, "LICENSE"), join(work, "LICENSE"));
  renameSync(work, folder);
}
