import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shareModels } from "../../support/engine-data.ts";
import { testModelPath } from "../../support/model.ts";
import { launchChromium } from "../chromium.ts";
import type { Attempt } from "../network-hook.ts";
import { sampleProject } from "../sample-project.ts";
import { Workbench } from "../workbench.ts";

const hook = new URL("../network-hook.ts", import.meta.url).href;
const engine = fileURLToPath(new URL("../watched-engine.ts", import.meta.url));
const data = mkdtempSync(join(tmpdir(), "repo-memory-network-"));
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  rmSync(data, { recursive: true, force: true });
});

async function open(name: string, settings: Record<string, unknown>, env: NodeJS.ProcessEnv = {}) {
  // A trace of its own also where a test is tried again.
  const trace = join(mkdtempSync(join(data, `${name}-`)), "trace.jsonl");
  const project = sampleProject();
  const watched = {
    REPO_MEMORY_TEST_ENGINE: engine,
    REPO_MEMORY_TEST_NETWORK: trace,
    ...env,
  };
  const workbench = await Workbench.open(browser, project.folder, {
    settings,
    env: watched,
    nodeArguments: ["--import", hook],
  });
  const close = async () => {
    await workbench.close();
    project.remove();
  };
  const attempts = (): Attempt[] =>
    readFileSync(trace, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  return { workbench, close, attempts };
}

const isEngine = ({ argv }: Attempt) =>
  argv.some((argument) => argument.endsWith("watched-engine.ts") || argument.endsWith("engine.js"));
const isHost = ({ argv }: Attempt) => argv.includes("--type=extensionHost");
/** VS Code's own extensions share the host; what ours does stands in the stack. */
const isOurs = ({ stack = "" }: Attempt) => /repo-memory|\/dist\/extension\.js/.test(stack);

test("in a whole session with a model present neither engine nor extension tries a connection: reading, answering, listing models, forgetting", async () => {
  const settings = {
    "repoMemory.model": testModelPath(),
    "repoMemory.priority": "normal",
    "repoMemory.dataFolder": shareModels(mkdtempSync(join(data, "session-"))),
  };
  const { workbench, close, attempts } = await open("session", settings);
  await workbench.openChat();
  const { chat } = workbench;
  await chat.getByText("files · ").waitFor({ timeout: 300_000 });
  await workbench.ask("What is the value of DEFAULT_PORT?");
  await chat.getByText("tokens of memory").waitFor({ timeout: 300_000 });
  await workbench.run("Repo Memory: Choose a Model");
  await workbench.page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  await workbench.page.keyboard.press("Escape");
  await workbench.run("Repo Memory: Forget This Workspace");
  await workbench.page.getByRole("dialog").getByRole("button", { name: "Forget", exact: true }).click();
  await chat.getByText("is not in memory yet").waitFor();
  await close();
  const seen = attempts();
  const watched = seen.filter(({ kind }) => kind === "watched");
  // Both threads of the engine's process were looked at.
  expect(watched.filter(isEngine).length).toBe(2);
  expect(watched.filter(isHost).length).toBe(1);
  const tried = seen.filter(({ kind }) => kind !== "watched");
  expect(tried.filter((attempt) => isEngine(attempt) || isOurs(attempt))).toEqual([]);
});

test("the trace sees the engine's attempt to download, where the user asked for a model", async () => {
  const settings = { "repoMemory.dataFolder": join(data, "empty"), "repoMemory.model": "smollm2-135m" };
  const { workbench, close, attempts } = await open("download", settings, { HF_ENDPOINT: "http://127.0.0.1:49151" });
  await workbench.page.locator('.statusbar-item[id*="repoMemory"] .codicon-warning').waitFor();
  expect(attempts().filter((attempt) => isEngine(attempt) && attempt.kind !== "watched")).toEqual([]);
  await workbench.run("Repo Memory: Download a Model");
  await workbench.page.getByRole("dialog").getByRole("button", { name: "Download", exact: true }).click();
  const tried = () =>
    attempts().filter((attempt) => isEngine(attempt) && attempt.target.includes("127.0.0.1:49151")).length;
  await expect.poll(tried, { timeout: 60_000 }).toBeGreaterThan(0);
  await close();
});
