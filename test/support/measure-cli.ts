/** The command line of `bench` and `eval`: NAME [--json] [--model FILE] [--threads N] [--data DIR] [--limit N] [--only PARTS] [--strategies]. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BenchOptions } from "../bench/benchmark.ts";
import { obtainTestModel } from "./global-setup.ts";
import { testDataDir } from "./model.ts";

/** What a measurement's module exports. */
export interface Measurement {
  run: (options: BenchOptions) => Promise<object>;
}

/**
 * Runs the named measurement and prints one JSON object on standard output; what it tells while it works goes to standard
 * error. @param load imports a measurement by its name
 */
export async function measure(
  command: string,
  names: readonly string[],
  load: (name: string) => Promise<Measurement>,
): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      json: { type: "boolean" },
      model: { type: "string" },
      threads: { type: "string", default: "2" },
      data: { type: "string" },
      limit: { type: "string" },
      only: { type: "string" },
      strategies: { type: "boolean" },
    },
    allowPositionals: true,
  });
  const [name = ""] = positionals;
  const threads = Number(values.threads);
  const limit = Number(values.limit ?? 1);
  if (!names.includes(name) || ![threads, limit].every((count) => Number.isInteger(count) && count > 0)) {
    console.error(
      `Usage: npm run -s ${command} -- NAME [--json] [--model FILE] [--threads N] [--data DIR] [--limit N] [--only PART,PART]\nNAME: ${names.join(", ")}`,
    );
    process.exit(2);
  }
  const options: BenchOptions = {
    modelPath: values.model === undefined ? await obtainTestModel() : resolve(values.model),
    dataDir: values.data === undefined ? testDataDir() : resolve(values.data),
    threads,
    ...(values.limit === undefined ? {} : { limit }),
    ...(values.only === undefined ? {} : { only: values.only.split(",") }),
    strategies: values.strategies === true,
    tell: (text) => console.error(text),
  };
  const { run } = await load(name);
  console.log(JSON.stringify(await run(options), undefined, values.json === true ? undefined : 2));
}
