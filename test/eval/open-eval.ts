/** What every evaluation begins with: the model, and folders opened as workspaces whose stores are kept between runs. */
import { join } from "node:path";
import { QuestionGate } from "../../engine/answer/question-gate.ts";
import { type LoadedModel, loadModel } from "../../engine/loaded-model.ts";
import type { AskParams, CallContext, ChatTurn, ScoredRange } from "../../engine/protocol/requests.ts";
import { storePath } from "../../engine/store/store-path.ts";
import { Workspace } from "../../engine/workspace.ts";
import type { BenchOptions } from "../bench/benchmark.ts";
import { lastAnswer, tellingContext } from "../support/asking.ts";

/** Longest answer, in tokens, unless a caller says otherwise. */
const ANSWER_TOKENS = 64;

/** A folder that was read into memory, ready to be asked. */
export interface EvalWorkspace {
  folder: string;
  workspace: Workspace;
  /** The folder's store, for baselines that score the same blocks. */
  storePath: string;
  /** Tokens in memory. */
  tokens: number;
  /** Tokens that had to be encoded now; 0 where an earlier run did. */
  encodedTokens: number;
  /** The first `top` blocks, best first. */
  recall: (question: string, top: number, history?: ChatTurn[]) => Promise<ScoredRange[]>;
  /** The whole answer; greedy unless `params` say otherwise. */
  ask: (question: string, params?: Partial<AskParams>) => Promise<string>;
  close: () => Promise<void>;
}

/** A loaded model and the way to open folders with it. */
export interface EvalSession {
  loaded: LoadedModel;
  context: CallContext;
  /** Opens a folder and ingests it. */
  open: (folder: string) => Promise<EvalWorkspace>;
  /** Closes the model; close the workspaces before. */
  close: () => Promise<void>;
}

/** Loads the model. Throws what `loadModel` throws. */
export async function openEval({ dataDir, modelPath, threads, tell }: BenchOptions): Promise<EvalSession> {
  const context = tellingContext(tell);
  const loaded = await loadModel({ dataDir, model: modelPath }, threads, context);
  const stores = { dataDir: join(dataDir, "eval", "stores") };
  const open = async (folder: string): Promise<EvalWorkspace> => {
    const questions = new QuestionGate();
    const workspace = await Workspace.open({ folder, loaded, options: stores, threads, log: tell, questions });
    const { tokens, encodedTokens } = await workspace.ingest(context);
    tell(`${folder}: ${tokens} tokens in memory, ${encodedTokens} encoded now`);
    return {
      folder,
      workspace,
      storePath: storePath(stores.dataDir, folder, loaded.encoder.key),
      tokens,
      encodedTokens,
      recall: async (question, top, history = []) =>
        (await workspace.recall({ folder, question, top, history }, context)).blocks,
      ask: (question, params = {}) =>
        lastAnswer(workspace.ask({ folder, question, maxTokens: ANSWER_TOKENS, ...params }, context)),
      close: () => workspace.close(),
    };
  };
  return { loaded, context, open, close: () => loaded.model.close() };
}
