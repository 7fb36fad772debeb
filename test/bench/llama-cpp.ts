import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const VERSION = "3.22.1";
const folder = fileURLToPath(new URL("../../.cache/llama-cpp/", import.meta.url));
const entry = `${folder}node_modules/node-llama-cpp/dist/index.js`;

/**
 * The URL of node-llama-cpp, which is installed on first use into a folder of its own: with its prebuilt libraries it is far
 * larger than this project, and only a comparison needs it.
 * @throws Error when npm cannot install it
 */
export function setUpLlamaCpp(tell: (text: string) => void): string {
  if (existsSync(entry)) return pathToFileURL(entry).href;
  tell(`Installing node-llama-cpp ${VERSION} …`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, '{ "private": true }\n');
  const install = `npm install --ignore-scripts --no-audit --no-fund --save-exact node-llama-cpp@${VERSION}`;
  const { status } = spawnSync(install, { cwd: folder, shell: true, stdio: ["ignore", 2, 2] });
  if (status !== 0 || !existsSync(entry)) throw new Error(`node-llama-cpp ${VERSION} could not be installed.`);
  return pathToFileURL(entry).href;
}
