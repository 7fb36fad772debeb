/** What is remembered of GPUs: how tests of them ended, and that they are in use, so that a crash is noticed at the next start. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { DeviceTestOutcome } from "./test-device.ts";

/** What failed is tested again after so long: the machine may have been busy, or its driver is mended. */
const RETRY_MS = 7 * 24 * 3600 * 1000;
/** So many processes in a row that ended with a GPU in use, and did not close it, are its fault; one may have been killed. */
const MOST_DEATHS = 2;
/** So long after one of them the CPU is used: an engine that VS Code starts again must not fail the same way. */
const RECENT_MS = 10 * 60 * 1000;

const recordSchema = v.object({
  outcome: v.object({
    reason: v.picklist(["passed", "wrong", "slow", "failed", "small", "crashed", "late"]),
    detail: v.string(),
    slots: v.exactOptional(v.number()),
  }),
  /** When it was tested, or a process died that used it. */
  at: v.number(),
  /** Of such processes, since one has closed. */
  deaths: v.number(),
});

/** Records of one combination of GPUs, drivers, onnxruntime and graphs, in files of a data folder. */
export class DeviceRecords {
  readonly #folder: string;
  readonly #key: string;

  /** @param parts all that a result depends on */
  constructor(dataDir: string, parts: readonly string[]) {
    this.#folder = join(dataDir, "devices");
    this.#key = createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
  }

  /** How the last test ended; undefined where one is due. */
  outcome(now = Date.now()): DeviceTestOutcome | undefined {
    const known = this.#read();
    if (!known) return undefined;
    const dead = this.#sweepDead();
    const [deaths, at] = dead > 0 ? [known.deaths + dead, now] : [known.deaths, known.at];
    if (dead > 0) this.#write({ ...known, deaths, at });
    const isFault = deaths >= MOST_DEATHS || (deaths > 0 && now - at < RECENT_MS);
    const outcome: DeviceTestOutcome = isFault
      ? { reason: "crashed", detail: `${deaths} of the engine's processes ended while they used it` }
      : known.outcome;
    return outcome.reason !== "passed" && now - at > RETRY_MS ? undefined : outcome;
  }

  note(outcome: DeviceTestOutcome): void {
    this.#write({ outcome, at: Date.now(), deaths: 0 });
  }

  /** Notes that this process uses the GPU until `end`. */
  begin(): void {
    mkdirSync(this.#folder, { recursive: true });
    writeFileSync(this.#marker(process.pid), "");
  }

  /** @param isSound whether the GPU did its work to the end */
  end(isSound: boolean): void {
    if (!existsSync(this.#marker(process.pid))) return;
    rmSync(this.#marker(process.pid), { force: true });
    const known = this.#read();
    if (isSound && known && known.deaths > 0) this.#write({ ...known, deaths: 0 });
  }

  #marker(pid: number): string {
    return join(this.#folder, `${this.#key}.in-use-by-${pid}`);
  }

  /** Counts processes that are gone without having ended their use, and forgets them. */
  #sweepDead(): number {
    const prefix = `${this.#key}.in-use-by-`;
    const dead = readdirSync(this.#folder)
      .filter((name) => name.startsWith(prefix))
      .map((name) => Number(name.slice(prefix.length)))
      .filter((pid) => pid !== process.pid && !isAlive(pid));
    for (const pid of dead) rmSync(this.#marker(pid), { force: true });
    return dead.length;
  }

  #read(): v.InferOutput<typeof recordSchema> | undefined {
    try {
      const parsed = v.safeParse(recordSchema, JSON.parse(readFileSync(this.#path(), "utf8")));
      return parsed.success ? parsed.output : undefined;
    } catch {
      return undefined;
    }
  }

  #write(record: v.InferOutput<typeof recordSchema>): void {
    mkdirSync(this.#folder, { recursive: true });
    const work = `${this.#path()}.${process.pid}`;
    writeFileSync(work, JSON.stringify(record));
    renameSync(work, this.#path());
  }

  #path(): string {
    return join(this.#folder, `${this.#key}.json`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
