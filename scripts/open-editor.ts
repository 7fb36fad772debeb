import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setUpCodeServer } from "./code-server.ts";
import { freePort, untilAnswering } from "./local-server.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Opens `folder` with this extension: in desktop VS Code where its `code` is installed, otherwise in the browser. */
export async function openEditor(folder: string, model: string | undefined): Promise<void> {
  const env = { ...process.env, ...(model ? { REPO_MEMORY_MODEL: model } : {}), REPO_MEMORY_SHOW_CHAT: "1" };
  if (!openDesktop(folder, env)) await serve(folder, env);
}

/** True when desktop VS Code took the folder. */
function openDesktop(folder: string, env: NodeJS.ProcessEnv): boolean {
  const windows = process.platform === "win32";
  const { status } = spawnSync("code", [`--extensionDevelopmentPath=${root}`, folder], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
    // On Windows `code` is a batch file, which only a shell starts.
    shell: windows,
  });
  if (status !== 0) return false;
  console.log(`Opened ${folder} in VS Code. The chat is behind the Repo Memory icon in the activity bar.`);
  return true;
}

/** Serves VS Code on this machine's own address until Ctrl-C. */
async function serve(folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const { serverMain } = setUpCodeServer();
  const data = `${root}.cache/code-server-data`;
  const extensions = `${data}/extensions`;
  linkExtension(extensions);
  const port = await freePort();
  // Whoever may reach the port could run programs as this user: the address carries a secret.
  const token = randomBytes(16).toString("hex");
  const options = ["--host", "127.0.0.1", "--port", String(port), "--connection-token", token];
  const folders = ["--server-data-dir", data, "--extensions-dir", extensions];
  const quiet = ["--accept-server-license-terms", "--disable-workspace-trust", "--telemetry-level", "off"];
  const server = spawn(process.execPath, [serverMain, ...options, ...folders, ...quiet], { env, stdio: "ignore" });
  const endServer = (): void => void server.kill();
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, endServer);
  const address = `http://127.0.0.1:${port}/?tkn=${token}&folder=${encodeURIComponent(folder)}`;
  await untilAnswering(`http://127.0.0.1:${port}/version`, server);
  console.log(`\nVS Code is at\n  ${address}\nThe chat is behind the Repo Memory icon. Ctrl-C ends it.`);
  await new Promise<void>((ended) => void server.once("exit", () => ended()));
}

function linkExtension(extensions: string): void {
  mkdirSync(extensions, { recursive: true });
  const link = `${extensions}/repo-memory`;
  rmSync(link, { force: true });
  symlinkSync(root, link, "junction");
}
