/** What may come in over RPC: every call's parameters, with a bound on everything that has a size. */
import * as v from "valibot";
import { RepoMemoryError } from "./protocol/errors.ts";
import type { CallName, Calls } from "./protocol/rpc.ts";

/** Longer than any file system's paths (Linux: 4,096 bytes; Windows: 32,767 UTF-16 units). */
const Path = v.pipe(v.string(), v.minLength(1), v.maxLength(32_767), v.excludes("\0"));

/** Inside the folder: neither absolute nor stepping out of it. */
const RelativePath = v.pipe(
  Path,
  v.check((path) => !path.startsWith("/") && !path.startsWith("\\") && !/^[a-z]:/i.test(path), "must be relative"),
  v.check((path) => !path.split(/[\\/]/).includes(".."), "must stay inside the folder"),
);

/** Far beyond what a person types or a window can hold; a paste of a whole file still passes. */
const Question = v.pipe(v.string(), v.minLength(1), v.maxLength(65_536));

/** An unsaved editor's text. Files above 1 MiB are not read by default; some settings allow more. */
const FileText = v.pipe(v.string(), v.maxLength(4 * 1024 * 1024));

const Line = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31));
const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));
const real = (least: number, most: number) => v.pipe(v.number(), v.minValue(least), v.maxValue(most));

const Folder = v.object({ folder: Path });

/** Far more editors than anyone has open. */
const OpenFiles = v.exactOptional(v.pipe(v.array(RelativePath), v.maxLength(1_000)));

const Turn = v.object({
  role: v.picklist(["user", "assistant"]),
  text: v.pipe(v.string(), v.maxLength(262_144)),
});

const History = v.exactOptional(v.pipe(v.array(Turn), v.maxLength(100)));

const sampling = {
  temperature: v.exactOptional(real(0, 10)),
  topK: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000))),
  topP: v.exactOptional(real(0, 1)),
  minP: v.exactOptional(real(0, 1)),
  repetitionPenalty: v.exactOptional(real(0.01, 100)),
  seed: v.exactOptional(v.pipe(v.number(), v.safeInteger())),
};

/** A chat's message may quote several files; a model's window holds far less. */
const MessageText = v.pipe(v.string(), v.maxLength(1024 * 1024));

const Message = v.object({ role: v.picklist(["system", "user", "assistant"]), text: MessageText });

const Generate = v.object({
  messages: v.pipe(v.array(Message), v.minLength(1), v.maxLength(1_000)),
  maxTokens: v.exactOptional(count(65_536)),
  stop: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(1024))), v.maxLength(64))),
  ...sampling,
});

const Ask = v.object({
  folder: Path,
  question: Question,
  history: History,
  selection: v.exactOptional(
    v.object({ path: RelativePath, startLine: Line, endLine: Line, text: v.pipe(v.string(), v.maxLength(262_144)) }),
  ),
  pinned: v.exactOptional(v.pipe(v.array(RelativePath), v.maxLength(1_000))),
  excluded: v.exactOptional(v.pipe(v.array(RelativePath), v.maxLength(1_000))),
  ranges: v.exactOptional(
    v.pipe(v.array(v.object({ path: RelativePath, startLine: Line, endLine: Line })), v.maxLength(1_000)),
  ),
  parts: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(4_096))), v.maxLength(16))),
  reread: v.exactOptional(v.boolean()),
  lookAgain: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_536))),
  compare: v.exactOptional(v.boolean()),
  strategy: v.exactOptional(v.picklist(["infllm", "infini", "longmem", "infllm-published"])),
  maxTokens: v.exactOptional(count(65_536)),
  ...sampling,
});

const Open = v.object({
  dataDir: v.exactOptional(Path),
  model: v.exactOptional(Path),
  mayDownload: v.exactOptional(v.boolean()),
  threads: v.exactOptional(count(1024)),
  device: v.exactOptional(v.picklist(["auto", "cpu", "webgpu"])),
  secretPatterns: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(1024))), v.maxLength(10_000))),
  maxFileBytes: v.exactOptional(count(2 ** 31)),
  diskBudgetBytes: v.exactOptional(count(2 ** 50)),
  priority: v.exactOptional(v.picklist(["low", "normal"])),
  pauseOnBattery: v.exactOptional(v.boolean()),
});

/** One schema a call. */
export const parameterSchemas = {
  open: Open,
  ingest: v.object({ folder: Path, open: OpenFiles }),
  ask: Ask,
  recall: v.object({
    folder: Path,
    question: Question,
    top: v.exactOptional(count(10_000)),
    history: History,
    maxTokens: v.exactOptional(count(1_000_000)),
    text: v.exactOptional(v.boolean()),
    compare: v.exactOptional(v.boolean()),
  }),
  generate: Generate,
  countTokens: v.object({ texts: v.pipe(v.array(MessageText), v.maxLength(10_000)) }),
  files: Folder,
  fileText: v.object({ folder: Path, path: RelativePath }),
  status: Folder,
  forget: v.object({
    folder: Path,
    paths: v.exactOptional(v.pipe(v.array(RelativePath), v.maxLength(100_000))),
  }),
  models: v.strictObject({}),
  train: v.object({ folders: v.pipe(v.array(Path), v.minLength(1), v.maxLength(1_000)) }),
  pause: Folder,
  resume: Folder,
  changed: v.object({
    folder: Path,
    files: v.pipe(v.array(v.object({ path: RelativePath, text: v.exactOptional(FileText) })), v.maxLength(10_000)),
    open: OpenFiles,
  }),
  close: v.strictObject({}),
} satisfies { [N in CallName]: v.GenericSchema<unknown, Calls[N]["params"]> };

/**
 * Checks a call's parameters as they came in.
 * @throws RepoMemoryError "usage" that names the first field which is wrong.
 */
export function parseParams<N extends CallName>(name: N, params: unknown): v.InferOutput<(typeof parameterSchemas)[N]> {
  const result = v.safeParse(parameterSchemas[name], params);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue) ?? "parameters";
  throw new RepoMemoryError("usage", { message: `Call "${name}", ${field}: ${issue.message}` });
}
