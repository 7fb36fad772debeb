import { describe, expect, it } from "vitest";
import { transferProgress } from "../../engine/models/transfer-progress.ts";
import type { Progress } from "../../engine/protocol/requests.ts";

/** The reports for `[milliseconds, bytes]` pairs of a transfer of 1000 bytes. */
function reports(samples: readonly (readonly [number, number])[]): Progress[] {
  const seen: Progress[] = [];
  let time = 0;
  const report = transferProgress({ total: 1000, detail: "file", onProgress: (p) => seen.push(p), now: () => time });
  for (const [at, done] of samples) {
    time = at;
    report(done);
  }
  return seen;
}

describe("transferProgress", () => {
  it("gives rate and time left over the last seconds", () => {
    const seen = reports([
      [0, 0],
      [1000, 100],
      [11_000, 300],
      [15_000, 500],
    ]);
    expect(seen.map(({ rate }) => rate)).toEqual([0, 100, 20, 50]);
    expect(seen.map(({ secondsLeft }) => secondsLeft)).toEqual([undefined, 9, 35, 10]);
  });

  it("reports now and then, and the end", () => {
    const seen = reports([
      [0, 0],
      [1, 10],
      [50, 20],
      [101, 30],
      [110, 40],
      [120, 1000],
    ]);
    expect(seen.map(({ done }) => done)).toEqual([0, 10, 30, 1000]);
  });
});
