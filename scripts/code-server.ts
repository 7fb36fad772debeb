import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const VERSION = "4.139.1";
const folder = fileURLToPath(new URL("../.cache/vscode-host/", import.meta.url));
const vscode = `${folder}node_modules/code-server/lib/vscode`;
/** Written at the end, so that an installation which broke off is taken up again. */
const ready = `${folder}code-server-${VERSION}.ready`;

/**
 * VS Code's own server, out of the npm package code-server: installed on first use, without its install scripts, so
 * that neither a compiler nor root is needed.
 * @returns the path of the server's main file, which Node runs
 * @throws Error when npm cannot install it
 */
export function setUpCodeServer(): { serverMain: string } {
  const serverMain = `${vscode}/out/server-main.js`;
  if (existsSync(ready)) return { serverMain };
  console.error(`Installing VS Code's server (code-server ${VERSION}, once) …`);
  mkdirSync(folder, { recursive: true });
  // Without a package.json of its own, npm would install into the repository.
  if (!existsSync(`${folder}package.json`)) writeFileSync(`${folder}package.json`, '{ "private": true }\n');
  install(folder, `--save-exact code-server@${VERSION}`);
  install(vscode, "--omit=dev");
  install(`${vscode}/extensions`, "--omit=dev");
  writeFileSync(ready, "");
  return { serverMain };
}

function install(cwd: string, options: string): void {
  const command = `npm install --ignore-scripts --no-audit --no-fund --loglevel=error ${options}`;
  const { status } = spawnSync(command, { cwd, shell: true, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`VS Code's server could not be installed: "${command}" failed in ${cwd}.`);
}
