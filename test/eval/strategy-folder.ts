/** A folder whose texts change between questions, asked by one strategy after another. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { QuestionGate } from "../../engine/answer/question-gate.ts";
import type { AskParams, AskResult } from "../../engine/protocol/requests.ts";
import { storePath } from "../../engine/store/store-path.ts";
import { Workspace } from "../../engine/workspace.ts";
import type { EvalSession } from "./open-eval.ts";
import type { Texts } from "./strategy-cases.ts";

/** Enough for a sentence that says a value. */
const ANSWER_TOKENS = 32;

/** Written, read and asked; what it keeps is deleted at the end. */
export class StrategyFolder {
  readonly storePath: string;
  private readonly folder: string;
  private readonly session: EvalSession;
  private readonly workspace: Workspace;
  private texts: Texts = new Map();

  private constructor(session: EvalSession, root: string, workspace: Workspace) {
    this.folder = join(root, "folder");
    this.storePath = storePath(join(root, "data"), this.folder, session.loaded.encoder.key);
    this.session = session;
    this.workspace = workspace;
  }

  /** Opens an empty folder, hands it over, and deletes it. */
  static async use<T>(session: EvalSession, threads: number, work: (folder: StrategyFolder) => Promise<T>): Promise<T> {
    const root = mkdtempSync(join(tmpdir(), "repo-memory-strategy-"));
    mkdirSync(join(root, "folder"));
    const options = { dataDir: join(root, "data") };
    const { loaded } = session;
    const opening = { folder: join(root, "folder"), loaded, options, threads, questions: new QuestionGate() };
    const workspace = await Workspace.open({ ...opening, log: () => undefined });
    try {
      return await work(new StrategyFolder(session, root, workspace));
    } finally {
      await workspace.close();
      rmSync(root, { recursive: true, force: true });
    }
  }

  /** Makes the folder consist of `texts`, and reads what is new of it. */
  async write(texts: Texts): Promise<{ tokens: number; encodedTokens: number }> {
    for (const path of this.texts.keys()) if (!texts.has(path)) rmSync(join(this.folder, path));
    for (const [path, text] of texts) {
      if (this.texts.get(path) === text) continue;
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      writeFileSync(join(this.folder, path), text);
    }
    this.texts = texts;
    const { tokens, encodedTokens } = await this.workspace.ingest(this.session.context);
    return { tokens, encodedTokens };
  }

  /** The greedy answer. */
  async ask(question: string, strategy: AskParams["strategy"]): Promise<AskResult> {
    const params: AskParams = {
      folder: this.folder,
      question,
      maxTokens: ANSWER_TOKENS,
      ...(strategy && { strategy }),
    };
    for await (const event of this.workspace.ask(params, this.session.context))
      if (event.type === "end") return event.result;
    throw new Error("The answer has no end");
  }
}
