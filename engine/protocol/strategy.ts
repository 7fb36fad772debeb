/** How memory enters the model. Types only. */

/** Strategies that need weights trained for the model: a memory of constant size, and a bank that a side network reads. */
export type TrainedStrategy = "infini" | "longmem";

/**
 * By looked-up blocks ("infllm"), by a trained strategy, or with everything as one stream, as InfLLM was published. The last is
 * there to be compared with: it reads the folder anew in each process, holds it in RAM, and answers worse.
 */
export type Strategy = "infllm" | TrainedStrategy | "infllm-published";
