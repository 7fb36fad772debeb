/** The strategies of memory that a question may name. */
import type { MemoryStrategy } from "../memory/memory-strategy.ts";
import type { Strategy } from "../protocol/requests.ts";
import { BlockMemory } from "./block-memory.ts";
import { WindowFiller } from "./fill-window.ts";
import { InfiniStrategy } from "./infini.ts";
import { PublishedInfllm } from "./infllm-published.ts";
import { LongMemStrategy } from "./longmem.ts";
import type { LookUp } from "./look-up.ts";
import type { StrategyOptions } from "./strategy-options.ts";

/** One implementation a strategy; what it needs besides is loaded by its first question. */
export function openStrategies(options: StrategyOptions, lookUp: LookUp): Record<Strategy, MemoryStrategy> {
  const { store, model, encoder, log } = options;
  return {
    infllm: new BlockMemory(options, new WindowFiller(store, model, encoder, lookUp, log)),
    infini: new InfiniStrategy(options),
    longmem: new LongMemStrategy(options),
    "infllm-published": new PublishedInfllm(options),
  };
}
