/** The memory as a tool for any language model in VS Code: `#repoMemory`. */
import * as vscode from "vscode";
import * as v from "valibot";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { RecalledBlock } from "../../engine/protocol/requests.ts";
import type { Host } from "../host.ts";
import { toldText } from "../status/told-error.ts";
import { abortSignal } from "./abort-signal.ts";
import { placeName } from "./place.ts";
import { fitPassages } from "./fit-passages.ts";

/** The tool's name in package.json. */
const MEMORY_TOOL = "repo-memory_recall";

const DEFAULT_RESULTS = 8;
/** Tokens that are given where the caller says nothing of a budget. */
const DEFAULT_TOKENS = 4_000;

/** VS Code checks inputs against the manifest's schema; other callers may not. */
const Input = v.object({
  question: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(65_536)),
  maxResults: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(50))),
});

/** Registers the tool that package.json declares. */
export function registerMemoryTool(host: Host): vscode.Disposable {
  return vscode.lm.registerTool<unknown>(MEMORY_TOOL, {
    invoke: async ({ input, tokenizationOptions }, token) => {
      try {
        return await recall(host, input, tokenizationOptions, abortSignal(token));
      } catch (thrown) {
        if (token.isCancellationRequested) throw new vscode.CancellationError();
        throw new Error(toldText(thrown, vscode.l10n), { cause: thrown });
      }
    },
    prepareInvocation: ({ input }) => {
      const parsed = v.safeParse(Input, input);
      const question = parsed.success ? parsed.output.question.slice(0, 100) : "";
      return { invocationMessage: vscode.l10n.t("Recalling from the repository: {0}", question) };
    },
  });
}

async function recall(
  host: Host,
  input: unknown,
  tokens: vscode.LanguageModelToolTokenizationOptions | undefined,
  signal: AbortSignal,
): Promise<vscode.LanguageModelToolResult> {
  const parsed = v.safeParse(Input, input);
  if (!parsed.success) throw new RepoMemoryError("usage", { message: `"question": ${parsed.issues[0].message}` });
  const { question, maxResults: top = DEFAULT_RESULTS } = parsed.output;
  const folders = vscode.workspace.workspaceFolders ?? [];
  const client = await host.ready(signal);
  const found: RecalledBlock[][] = [];
  for (const { uri, name } of folders) {
    const limit = tokens ? {} : { maxTokens: DEFAULT_TOKENS };
    const { blocks } = await client.recall({ folder: uri.fsPath, question, top, text: true, ...limit }, { signal });
    // Paths as VS Code says them: where there are several folders, each begins with its folder's name.
    const prefix = folders.length > 1 ? `${name}/` : "";
    found.push(blocks.map((block) => ({ ...block, path: prefix + block.path })));
  }
  const passages = interleaved(found).slice(0, top);
  const texts = await fitPassages(passages, placeName, tokens);
  const said = texts.length > 0 ? texts : [vscode.l10n.t("Nothing in the memory fits.")];
  return new vscode.LanguageModelToolResult(said.map((text) => new vscode.LanguageModelTextPart(text)));
}

/** The best of each list, then the second of each, and so on: scores of two folders cannot be compared. */
function interleaved<T>(lists: readonly (readonly T[])[]): T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, rank) => lists.flatMap((list) => list.slice(rank, rank + 1))).flat();
}
