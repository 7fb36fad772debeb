/**
 * Runs every check that needs no test: types, lint, format and dead exports. `node scripts/check.ts`; exit 0 when all pass.
 * Each runs even when one before it failed, so that one run shows everything.
 */
import { runChecks } from "./checks.ts";

process.exitCode = runChecks().failed === 0 ? 0 : 1;
