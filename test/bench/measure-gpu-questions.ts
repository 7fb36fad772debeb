/** A thousand questions of a tiny model on a GPU, each in a window of its own; prints what was held early and late as JSON. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceHoldings } from "../../engine/runtime/session.ts";
import { askOnDevice } from "../support/many-questions.ts";

/** Whole rounds of lengths, and so is a tenth of them. */
const QUESTIONS = 1_000;

const folder = mkdtempSync(join(tmpdir(), "repo-memory-gpu-"));
const held: (DeviceHoldings & { rss: number })[] = [];
try {
  await askOnDevice(folder, QUESTIONS, (now) => held.push({ ...now, rss: process.memoryUsage.rss() }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const behind = (count: number) => held[count - 1] ?? { sessions: 0, tensors: 0, bytes: 0, rss: 0 };
const [early, late] = [behind(QUESTIONS / 10), behind(QUESTIONS)];
console.log(
  JSON.stringify({
    questions: held.length,
    deviceSessions: [early.sessions, late.sessions],
    deviceTensors: [early.tensors, late.tensors],
    deviceBytes: [early.bytes, late.bytes],
    rssBytes: [early.rss, late.rss],
  }),
);
process.exit(0);
