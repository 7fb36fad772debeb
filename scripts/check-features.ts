/**
 * `npm run -s check:features`: the features of the extension and the complaints that it answers, each with the tests that prove it, as
 * docs/features.md and docs/complaints.md name them. Exit 0 when every feature has a test and every named test is there.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { faultsOfProofs, type ProvenRow, provenRows } from "./proofs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

function report(file: string, needsTest: (row: ProvenRow) => boolean): number {
  const rows = provenRows(readFileSync(join(root, file), "utf8"));
  let faults = 0;
  for (const row of rows) {
    const name = row.cells.slice(0, -1).join(" · ").slice(0, 100);
    const wrong = faultsOfProofs(root, row);
    if (row.proofs.length === 0 && needsTest(row)) wrong.push("no test proves it");
    faults += wrong.length;
    console.log(`${wrong.length === 0 ? "ok  " : "FAIL"} ${name}`);
    for (const { file: test, title } of row.proofs) console.log(`       ${test} › ${title}`);
    for (const fault of wrong) console.log(`       ! ${fault}`);
  }
  console.log(`${file}: ${rows.length} rows, ${faults} faults\n`);
  return faults;
}

const features = report("docs/features.md", () => true);
// A complaint may have a reason in place of a test.
const complaints = report("docs/complaints.md", ({ cells }) => !/cannot arise/.test(cells.at(-1) ?? ""));
process.exitCode = features + complaints === 0 ? 0 : 1;
