import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";

const PACKAGE = "@sparticuz/chromium@153.0.0";
const folder = fileURLToPath(new URL("../../.cache/chromium/", import.meta.url));

/** Names another browser: one of the machine's own. */
const BROWSER_VARIABLE = "CHROMIUM";

/** For a browser without a user, in a container without its own sandbox. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a headless Chromium: the one that `CHROMIUM` names, else one out of npm (Linux on x64), else the installed Chrome.
 * @throws Error when none can be had
 */
export async function launchChromium(): Promise<Browser> {
  const named = process.env[BROWSER_VARIABLE];
  const fromNpm = process.platform === "linux" && process.arch === "x64";
  const executablePath = named ?? (fromNpm ? await setUpChromium() : undefined);
  return chromium.launch({
    headless: true,
    args: FLAGS,
    ...(executablePath ? { executablePath } : { channel: "chrome" }),
  });
}

/** Installs the browser on first use, without root, outside the tree's own dependencies. Returns its path. */
export async function setUpChromium(): Promise<string> {
  chromiumPackage();
  const entry = createRequire(`${folder}package.json`).resolve("@sparticuz/chromium");
  // A package that is not among the tree's own has no types here: what is used of it is checked.
  const loaded: { default?: { executablePath?: () => Promise<string> } } = await import(pathToFileURL(entry).href);
  const path = await loaded.default?.executablePath?.();
  if (path === undefined) throw new Error(`${PACKAGE} does not say where its browser is.`);
  return path;
}

/** The folder of the package that the browser and its software GPU come out of, installed on first use. */
export function chromiumPackage(): string {
  const path = `${folder}node_modules/@sparticuz/chromium/`;
  if (!existsSync(`${path}package.json`)) install();
  return path;
}

function install(): void {
  console.error(`Installing a browser for the tests (${PACKAGE}, once) …`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}package.json`, '{ "private": true }\n');
  const command = `npm install --ignore-scripts --no-audit --no-fund --loglevel=error --save-exact ${PACKAGE}`;
  const { status } = spawnSync(command, { cwd: folder, shell: true, stdio: ["ignore", 2, 2] });
  if (status !== 0)
    throw new Error(`No browser for the tests: "${command}" failed. Set ${BROWSER_VARIABLE} to name one.`);
}
