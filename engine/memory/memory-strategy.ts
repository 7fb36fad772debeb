import type { AnswerEvent, AskParams } from "../protocol/requests.ts";

/**
 * One way for a folder's memory to enter the model. All of them read what ingestion has stored: blocks that join the attention
 * window (`infllm`), a compressive memory with a gated read-out (`infini`), a bank and a side network (`longmem`).
 */
export interface MemoryStrategy {
  /**
   * Brings what it keeps up to what the store holds, and answers; the last event is `end`.
   * @param started as `performance.now()` tells it, of the question
   * @throws RepoMemoryError "model-unsupported" where the strategy was not trained for the model
   */
  ask(params: AskParams, started: number, signal: AbortSignal): AsyncGenerator<AnswerEvent>;
  /** Lets go of what it loaded; the store and the model stay open. */
  close(): Promise<void>;
}
