import { expect, test } from "vitest";

import { ProgressMeter } from "../../engine/ingest/progress-meter.ts";

test("the rate is that of the last ten seconds, the time left follows from it", () => {
  let now = 0;
  const meter = new ProgressMeter(() => now);
  expect(meter.progress(100, 0, undefined)).toEqual({
    phase: "ingest",
    done: 0,
    total: 100,
    unit: "tokens",
    rate: 0,
    secondsLeft: undefined,
  });
  now = 1_000;
  meter.stored(100);
  expect(meter.progress(400, 0, "a.ts")).toMatchObject({
    done: 100,
    total: 500,
    rate: 100,
    secondsLeft: 4,
    detail: "a.ts",
  });
  for (let second = 2; second <= 60; second++) {
    now = second * 1_000;
    meter.stored(1_000);
  }
  expect(meter.progress(2_000, 0, undefined)).toMatchObject({ done: 59_100, rate: 1_000, secondsLeft: 2 });
  expect(meter.progress(0, 0, undefined)).toMatchObject({ total: 59_100, secondsLeft: 0 });
});

test("the total is estimated from bytes, by what the files read so far had", () => {
  const meter = new ProgressMeter(() => 0);
  expect(meter.progress(0, 3_500, undefined).total).toBe(1_000);
  meter.read(1_000, 500);
  expect(meter.progress(50, 3_500, undefined).total).toBe(1_800);
});
