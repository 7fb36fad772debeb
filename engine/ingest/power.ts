/** Whether this machine runs on its battery. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where Linux tells of power supplies (Documentation/ABI/testing/sysfs-class-power). */
const SUPPLIES = "/sys/class/power_supply";

/** A slow `pmset` must not hold up a reading. */
const PMSET_MS = 2_000;

/**
 * True when the machine is known to run on a battery: on Linux by sysfs, on macOS by `pmset`. On Windows, and where nothing is
 * known, false.
 * @param supplies Linux's folder of power supplies; another in tests
 */
export async function onBattery(supplies = SUPPLIES, platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (platform === "linux") return linuxOnBattery(supplies);
  return platform === "darwin" && isBatteryReport(await pmset());
}

/** Whether `pmset -g batt` says that the battery is drawn from. */
export function isBatteryReport(output: string): boolean {
  return output.startsWith("Now drawing from 'Battery Power'");
}

/** A battery of the machine itself discharges, and no supply from outside is on line. */
async function linuxOnBattery(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  const supplies = await Promise.all(names.map((name) => supplyOf(join(folder, name))));
  const isDischarging = supplies.some(({ isBattery, status }) => isBattery && status === "Discharging");
  return isDischarging && !supplies.some(({ isBattery, online }) => !isBattery && online);
}

async function supplyOf(folder: string): Promise<{ isBattery: boolean; status: string; online: boolean }> {
  const read = async (file: string): Promise<string> =>
    (await readFile(join(folder, file), "utf8").catch(() => "")).trim();
  const [type, scope, status, online] = await Promise.all(["type", "scope", "status", "online"].map(read));
  // A mouse or keyboard has a battery too: its scope is "Device".
  const isBattery = type === "Battery" && scope !== "Device";
  return { isBattery, status: status ?? "", online: online === "1" && scope !== "Device" };
}

function pmset(): Promise<string> {
  return new Promise((settle) => {
    execFile("pmset", ["-g", "batt"], { timeout: PMSET_MS }, (_error, output) => settle(output));
  });
}
