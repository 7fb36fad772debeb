import type { Progress } from "../protocol/requests.ts";

/** Rates are averages over this long. */
const WINDOW_MS = 5000;
/** Reports come at most this often, the first two and the last always. */
const INTERVAL_MS = 100;

/** Where the bytes of one download are reported to. */
export interface TransferReports {
  total: number;
  /** The file, for people. */
  detail: string;
  onProgress: (progress: Progress) => void;
  /** Milliseconds; replaced in tests. */
  now?: () => number;
}

/** Tells how far a download is: call the result with the bytes that are there. */
export function transferProgress({ total, detail, onProgress, now = () => performance.now() }: TransferReports) {
  const samples: { time: number; done: number }[] = [];
  return (done: number): void => {
    const time = now();
    const last = samples.at(-1);
    if (last !== undefined && samples.length > 1 && time - last.time < INTERVAL_MS && done < total) return;
    samples.push({ time, done });
    while (samples.length > 2 && time - (samples[0]?.time ?? 0) > WINDOW_MS) samples.shift();
    const rate = rateOf(samples);
    onProgress({
      phase: "download",
      done,
      total,
      unit: "bytes",
      rate,
      secondsLeft: rate > 0 ? (total - done) / rate : undefined,
      detail,
    });
  };
}

/** Bytes a second between the first and the last sample; 0 when they say nothing. */
function rateOf(samples: readonly { time: number; done: number }[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.time <= first.time) return 0;
  return Math.max(0, (last.done - first.done) / ((last.time - first.time) / 1000));
}
