import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setUpCodeServer } from "../../scripts/code-server.ts";

/** Quiet: no welcome, no updates, nothing of VS Code's own chat beside ours. */
const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "chat.disableAIFeatures": true,
  "git.enabled": false,
  // In a browser VS Code saves by itself: a test of unsaved text must not race with that.
  "files.autoSave": "off",
};

/** Names a folder with the installed package: the tests then run from that, not from the source tree. */
export const INSTALLED_VARIABLE = "REPO_MEMORY_TEST_INSTALLED";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a window's address says of the extension: where the tree is, or nothing where the package is installed. */
export function developmentPayload(authority: string): [string, string][] {
  if (process.env[INSTALLED_VARIABLE] !== undefined) return [];
  return [["extensionDevelopmentPath", authority + root.replace(/\/$/, "")]];
}

/** A running server of VS Code. */
export interface VsCodeServer {
  url: string;
  /** How the page names the server's files: `vscode-remote://host:port`. */
  authority: string;
  stop(): Promise<void>;
}

/** What a server is started with. */
export interface ServerOptions {
  settings?: Record<string, unknown>;
  /** Added to the environment of the extension host. */
  env?: NodeJS.ProcessEnv;
  /** Arguments of Node for the server and its extension host, which VS Code keeps `NODE_OPTIONS` from. */
  nodeArguments?: readonly string[];
  /** Asks whether the folder is to be trusted, as VS Code does for users. */
  asksForTrust?: boolean;
  /** The editor's language; English by default. */
  language?: string;
}

/** Starts VS Code's own server, with data folders of its own that `stop` deletes. */
export async function startServer(given: ServerOptions): Promise<VsCodeServer> {
  const { settings = {}, env = {}, nodeArguments = [], asksForTrust = false } = given;
  const { serverMain } = setUpCodeServer();
  const data = mkdtempSync(join(tmpdir(), "repo-memory-vscode-"));
  mkdirSync(join(data, "data/Machine"), { recursive: true });
  writeFileSync(
    join(data, "data/Machine/settings.json"),
    JSON.stringify({ ...SETTINGS, ...trust(asksForTrust), ...settings }),
  );
  const port = await freePort();
  const log = join(data, "server.log");
  const server = spawn(process.execPath, [...nodeArguments, serverMain, ...options(port, data, asksForTrust)], {
    env: { ...withoutVsCode(process.env), ...env },
    stdio: ["ignore", openSync(log, "w"), openSync(log, "a")],
    // A group of its own, so that its extension host and our engine end with it.
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  await answering(`${url}/version`, server, log);
  return { url, authority: `vscode-remote://127.0.0.1:${port}`, stop: () => stop(server, data) };
}

function trust(asks: boolean): Record<string, unknown> {
  const quiet = { "security.workspace.trust.startupPrompt": "never", "workbench.editor.useModal": "off" };
  return { "security.workspace.trust.enabled": asks, ...(asks && quiet) };
}

function options(port: number, data: string, asksForTrust: boolean): string[] {
  const address = ["--host", "127.0.0.1", "--port", String(port), "--without-connection-token"];
  const trusting = asksForTrust ? [] : ["--disable-workspace-trust"];
  const quiet = ["--accept-server-license-terms", ...trusting, "--telemetry-level", "off"];
  const folders = [
    "--server-data-dir",
    data,
    "--extensions-dir",
    process.env[INSTALLED_VARIABLE] ?? join(data, "extensions"),
  ];
  return [...address, ...quiet, ...folders, "--enable-smoke-test-driver"];
}

/** Run from a terminal of VS Code, its variables would make the new server a part of that one. */
function withoutVsCode(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("VSCODE_")));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise<void>((listening) => void probe.once("listening", () => listening()));
  const address = probe.address();
  await new Promise<void>((closed) => void probe.close(() => closed()));
  if (address === null || typeof address === "string") throw new Error("No free port was found.");
  return address.port;
}

/** Asks until the server answers; ends when its process does. */
async function answering(url: string, server: ChildProcess, log: string): Promise<void> {
  while (server.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((waited) => void setTimeout(waited, 50));
  }
  throw new Error(`VS Code's server did not start:\n${readFileSync(log, "utf8")}`);
}

async function stop(server: ChildProcess, data: string): Promise<void> {
  const exited = new Promise((resolve) => void server.once("exit", resolve));
  signalGroup(server, "SIGTERM");
  const force = setTimeout(() => signalGroup(server, "SIGKILL"), 5000);
  if (server.exitCode === null && server.signalCode === null) await exited;
  clearTimeout(force);
  signalGroup(server, "SIGKILL");
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Gone already.
  }
}
