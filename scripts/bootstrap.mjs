// Makes a fresh clone ready, then runs the program that is named: `node scripts/bootstrap.mjs PROGRAM [ARGUMENT…]`.
// Plain JavaScript without dependencies, because it is what the machine's own Node (20 or later) runs first: it installs
// the packages when they are missing or the lock file moved, starts itself again in the Node 24 that they bring, and
// bundles when a source is newer than the last bundle. What it says goes to standard error.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [program = "", ...programArguments] = process.argv.slice(2);
const node = join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
const sources = ["engine", "extension", "webview", "scripts/build.ts", "package-lock.json"];
const stamp = join(root, "dist/.built");

/** Every package of the lock file is there in its version; what is for other platforms may be absent. */
function isInstalled() {
  const installedLock = join(root, "node_modules/.package-lock.json");
  if (!existsSync(node) || !existsSync(installedLock)) return false;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedLock, "utf8")).packages;
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true;
    return installed[path] ? installed[path].version === version : optional === true;
  });
}

function install() {
  console.error("Installing packages …");
  const npm = process.env.npm_execpath;
  const options = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const [command, args] = npm ? [process.execPath, [npm, ...options]] : ["npm", options];
  // The runtime for CPUs is inside the package; its install script would only fetch CUDA libraries.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" };
  const { status } = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", 2, 2], shell: !npm });
  if (status === 0) return;
  console.error("The packages could not be installed. Check the network and run the command again.");
  process.exit(1);
}

/** Newest change below `path`, in milliseconds; a folder's own time counts too, since removals show only there. */
function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

async function bundle() {
  const started = Date.now();
  const builtAt = existsSync(stamp) ? Number(readFileSync(stamp, "utf8")) : 0;
  if (Math.max(...sources.map((path) => newest(join(root, path)))) <= builtAt) return;
  await import("./build.ts");
  writeFileSync(stamp, String(started));
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`Node ${process.versions.node} is too old: Repo Memory needs Node 20 or later to set itself up.`);
  process.exit(1);
}
if (!isInstalled()) install();
if (Number(process.versions.node.split(".")[0]) < 24) {
  // The child hears Ctrl-C itself (same process group) and ends in its own way; this process only waits for it.
  process.on("SIGINT", () => {});
  const again = spawnSync(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  process.exit(again.status ?? 1);
}
process.env.PATH = `${join(root, "node_modules/.bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`;
await bundle();
const target = resolve(root, program);
process.argv = [process.execPath, target, ...programArguments];
await import(pathToFileURL(target).href);
