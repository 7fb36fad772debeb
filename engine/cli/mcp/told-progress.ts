/** Progress of the engine as MCP tells it: one number that only ever grows. */
import type { Progress } from "../../protocol/requests.ts";
import { PHASE_NAMES } from "../phase-names.ts";

/** What a call can go through before its answer, in this order; each counts for 1. */
const PHASES: Progress["phase"][] = ["download", "convert", "train", "ingest"];

/** The whole of a call: its phases, and the answer itself. */
export const WHOLE = PHASES.length + 1;

/** Milliseconds between two notifications: more, nobody can read. */
const INTERVAL = 100;

export interface ProgressNote {
  progress: number;
  total: number;
  message: string;
}

/** Passes progress on, as far as it is any. */
export class ToldProgress {
  readonly #send: (note: ProgressNote) => void;
  readonly #now: () => number;
  #last = -1;
  #sent = -Infinity;

  constructor(send: (note: ProgressNote) => void, now: () => number = () => performance.now()) {
    this.#send = send;
    this.#now = now;
  }

  update({ phase, done, total, detail }: Progress): void {
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const of = detail === undefined ? "" : ` (${detail})`;
    this.#tell(PHASES.indexOf(phase) + share, `${PHASE_NAMES[phase]}: ${Math.floor(100 * share)} %${of}`);
  }

  /** The answer so far, in tokens of at most `most`. */
  answering(tokens: number, most: number): void {
    this.#tell(PHASES.length + Math.min(1, tokens / most), `Answering: ${tokens} tokens`);
  }

  #tell(progress: number, message: string): void {
    const now = this.#now();
    if (progress <= this.#last || now - this.#sent < INTERVAL) return;
    this.#last = progress;
    this.#sent = now;
    this.#send({ progress, total: WHOLE, message });
  }
}
