/**
 * A program: converts the model that its argument names, where tests share conversions. Run once before the tests begin, which would
 * otherwise each begin it at the same time.
 */
import { join } from "node:path";
import { convertModel } from "../../engine/inference/convert-model.ts";
import { openModel } from "../../engine/models/open-model.ts";
import { testDataDir } from "./model.ts";

const [path = ""] = process.argv.slice(2);
const source = await openModel(path, { hashCacheDir: join(testDataDir(), "hashes") });
const context = { signal: new AbortController().signal, onProgress: () => undefined };
await convertModel(source, join(testDataDir(), "models", "converted"), 2, context);
await source.close();
