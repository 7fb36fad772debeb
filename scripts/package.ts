/**
 * `npm run -s package -- --target T [--out FOLDER]`: the extension's package for one platform, its contents checked against
 * scripts/package-contents.txt, its sizes printed. Without a target, that of this machine; `--target all` makes them all.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packageExtension } from "./package-extension.ts";
import { isTarget, TARGET_NAMES, whyNot } from "./package-targets.ts";
import { zipEntries } from "./zip-entries.ts";

const here = `${process.platform}-${process.arch}`;
const { values } = parseArgs({ options: { target: { type: "string", default: here }, out: { type: "string" } } });
const out = resolve(values.out ?? fileURLToPath(new URL("../.cache/packages", import.meta.url)));
const wanted = values.target === "all" ? TARGET_NAMES : [values.target];

for (const target of wanted) {
  if (!isTarget(target)) {
    console.error(whyNot(target));
    process.exitCode = 2;
    break;
  }
  const path = await packageExtension(target, out);
  const entries = zipEntries(path);
  const MB = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const unpacked = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${path}\n  ${MB(statSync(path).size)}, ${MB(unpacked)} unpacked, ${entries.length} files; the largest:`);
  for (const { name, bytes, packedBytes } of entries.toSorted((a, b) => b.packedBytes - a.packedBytes).slice(0, 5))
    console.log(`  ${MB(packedBytes).padStart(8)} ${MB(bytes).padStart(9)} unpacked  ${name}`);
}
