import { expect, test } from "vitest";

import { isBatteryReport, onBattery } from "../../engine/ingest/power.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ingest, lines, setUp } from "./ingest-setup.ts";

const battery = (status: string) => ({ "BAT0/type": "Battery\n", "BAT0/status": `${status}\n` });
const mains = (online: number) => ({ "AC/type": "Mains\n", "AC/online": `${online}\n` });
const mouse = { "hid/type": "Battery\n", "hid/scope": "Device\n", "hid/status": "Discharging\n" };

test.each([
  ["a laptop without its cable", { ...battery("Discharging"), ...mains(0) }, true],
  ["a laptop that names no mains", battery("Discharging"), true],
  ["a laptop on its cable", { ...battery("Charging"), ...mains(1) }, false],
  ["a full laptop whose cable cannot keep up", { ...battery("Discharging"), ...mains(1) }, false],
  ["a desktop with a wireless mouse", { ...mouse, ...mains(1) }, false],
  ["a machine without any", {}, false],
])("%s", async (_, files, expected) => {
  expect(await onBattery(temporaryFolder(files), "linux")).toBe(expected);
});

test("macOS says it in words; elsewhere nothing is known", async () => {
  const report = (source: string) => `Now drawing from '${source}'\n -InternalBattery-0 (id=1)\t80%; discharging;`;
  expect(isBatteryReport(report("Battery Power"))).toBe(true);
  expect(isBatteryReport(report("AC Power"))).toBe(false);
  expect(await onBattery(temporaryFolder(battery("Discharging")), "win32")).toBe(false);
});

test("a reading waits while the battery is in use, but for what changes; the user may go on", async () => {
  const supplies = temporaryFolder(battery("Discharging"));
  const { ingestor, store } = setUp(
    { "a.ts": lines("a", 50), "b.ts": lines("b", 50) },
    { onBattery: () => onBattery(supplies, "linux") },
  );
  const details: (string | undefined)[] = [];
  const reading = ingest(ingestor, ({ detail }) => details.push(detail));
  await expect.poll(() => ingestor.state, { timeout: 20_000 }).toBe("paused");
  await expect.poll(() => details.at(-1)).toBe("waits for mains power");
  await ingestor.changed([{ path: "b.ts" }]);
  await expect.poll(() => store.files().map(({ path }) => path), { timeout: 20_000 }).toEqual(["b.ts"]);
  ingestor.resume();
  expect((await reading).files).toBe(2);
});
