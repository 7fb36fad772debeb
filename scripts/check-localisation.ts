/** `node scripts/check-localisation.ts [--list]`: every text that a user sees has its translations. Exit 0 when nothing is wrong. */
import { fileURLToPath } from "node:url";
import { faultsOf, readLocalisation } from "./localisation.ts";

const all = await readLocalisation(fileURLToPath(new URL("..", import.meta.url)));
const { broken, missing } = faultsOf(all);
if (process.argv.includes("--list")) console.log(JSON.stringify(all.said, undefined, 2));
for (const fault of [...broken, ...missing]) console.error(fault);
console.error(`${all.said.length} texts and ${Object.keys(all.manifest).length} keys of the manifest.`);
process.exitCode = broken.length + missing.length === 0 ? 0 : 1;
