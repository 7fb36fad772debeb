/**
 * Runs one benchmark: `npm run -s bench -- NAME [--json] [--model FILE] [--threads N] [--data DIR] [--limit N]`. NAME is a
 * file of this folder that exports `run`. Prints one JSON object on standard output; what a benchmark tells while it works goes to standard error.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { testDataDir } from "../support/model.ts";
import { obtainTestModel } from "../support/global-setup.ts";
import type { Benchmark, BenchOptions } from "./benchmark.ts";

const names = ["memory", "parity", "planted", "speed"].filter((name) =>
  existsSync(new URL(`${name}.ts`, import.meta.url)),
);

const { values, positionals } = parseArgs({
  options: {
    json: { type: "boolean" },
    model: { type: "string" },
    threads: { type: "string", default: "2" },
    data: { type: "string" },
    limit: { type: "string" },
  },
  allowPositionals: true,
});
const [name = ""] = positionals;
const threads = Number(values.threads);
const limit = Number(values.limit ?? 1);
if (!names.includes(name) || ![threads, limit].every((count) => Number.isInteger(count) && count > 0)) {
  console.error(
    `Usage: npm run -s bench -- NAME [--json] [--model FILE] [--threads N] [--data DIR] [--limit N]\nNAME: ${names.join(", ")}`,
  );
  process.exit(2);
}
const options: BenchOptions = {
  modelPath: values.model === undefined ? await obtainTestModel() : resolve(values.model),
  dataDir: values.data === undefined ? testDataDir() : resolve(values.data),
  threads,
  ...(values.limit === undefined ? {} : { limit }),
  tell: (text) => console.error(text),
};
const { run }: Benchmark = await import(new URL(`${name}.ts`, import.meta.url).href);
const result = await run(options);
console.log(JSON.stringify(result, undefined, values.json === true ? undefined : 2));
