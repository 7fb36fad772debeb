/** Runs one evaluation: `npm run -s eval -- NAME`. NAME is a file of this folder that exports `run`. */
import { existsSync } from "node:fs";
import { measure, type Measurement } from "../support/measure-cli.ts";

const file = (name: string) => new URL(`${name}.ts`, import.meta.url);
const known =
  "recall answers passkey retrieve-kv order multi-key two-hop edits verbatim abstain perplexity infini longmem";
const names = known.split(" ").filter((name) => existsSync(file(name)));
await measure("eval", names, async (name) => {
  const measurement: Measurement = await import(file(name).href);
  return measurement;
});
