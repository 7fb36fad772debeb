/** Runs one benchmark: `npm run -s bench -- NAME`. NAME is a file of this folder that exports `run`. */
import { existsSync } from "node:fs";
import { measure, type Measurement } from "../support/measure-cli.ts";

const file = (name: string) => new URL(`${name}.ts`, import.meta.url);
const names = ["calibrate", "first-token", "gpu", "memory", "parity", "planted", "scale", "speed", "strategies"].filter(
  (name) => existsSync(file(name)),
);
await measure("bench", names, async (name) => {
  const measurement: Measurement = await import(file(name).href);
  return measurement;
});
