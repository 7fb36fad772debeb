import { spawnSync } from "node:child_process";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { setUpCodeServer } from "../../scripts/code-server.ts";

const folder = fileURLToPath(new URL("../../.cache/vscode-installed/", import.meta.url));

/**
 * Installs a package through VS Code's own command, as a user would. Returns the folder of installed extensions.
 *
 * An installed extension starts no other engine than its own, whatever the environment says. For tests that need a scripted one, the
 * file of its engine is therefore exchanged for one that asks the environment; without a word there, it is the package's own.
 * @throws Error when VS Code refuses the package
 */
export function installPackage(vsix: string): string {
  const { serverMain } = setUpCodeServer();
  rmSync(folder, { recursive: true, force: true });
  const places = ["--extensions-dir", join(folder, "extensions"), "--server-data-dir", join(folder, "data")];
  const install = [serverMain, "--install-extension", resolve(vsix), "--accept-server-license-terms", ...places];
  const { status } = spawnSync(process.execPath, install, { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`VS Code did not install ${vsix}.`);
  const extensions = join(folder, "extensions");
  const installed = readdirSync(extensions).find((name) => name.startsWith("repo-memory.repo-memory-"));
  if (installed === undefined) throw new Error(`${vsix} was installed, but is not in ${extensions}.`);
  letTestsChooseTheEngine(join(extensions, installed, "dist"));
  return extensions;
}

function letTestsChooseTheEngine(dist: string): void {
  renameSync(join(dist, "engine.js"), join(dist, "own-engine.js"));
  writeFileSync(
    join(dist, "engine.js"),
    'await import(process.env.REPO_MEMORY_TEST_ENGINE ?? new URL("own-engine.js", import.meta.url).href);\n',
  );
}
