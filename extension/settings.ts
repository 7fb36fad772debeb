import * as vscode from "vscode";
import type { AskParams } from "../engine/protocol/requests.ts";
import type { OpenParams } from "../engine/protocol/rpc.ts";
import { withNetworkSettings } from "./models/proxy-environment.ts";

/** The section of all settings. */
const SECTION = "repoMemory";

/** Names the model where the setting does not; the command line reads it too. */
const MODEL_VARIABLE = "REPO_MEMORY_MODEL";

/** Settings that the engine reads once, when it opens. */
const ENGINE_SETTINGS = [
  "model",
  "threads",
  "device",
  "priority",
  "pauseOnBattery",
  "dataFolder",
  "secretPatterns",
  "maxFileSizeKiB",
  "diskBudgetGB",
];

/** Whether a trusted workspace is read without being asked. */
export function readsAutomatically(): boolean {
  return vscode.workspace.getConfiguration(SECTION).get("readAutomatically", true);
}

/** Tokens that an answer may have. */
export function maxAnswerTokens(): number {
  return vscode.workspace.getConfiguration(SECTION).get("maxAnswerTokens", 400);
}

/** How the memory enters the model; a name that is not known is left out, so that the engine's own default holds. */
export function memoryStrategy(): Pick<AskParams, "strategy"> {
  const name = vscode.workspace.getConfiguration(SECTION).get<string>("strategy", "");
  return name === "infini" || name === "longmem" ? { strategy: name } : {};
}

/** What the engine is opened with. Empty settings are left out, so that the engine's own defaults hold. */
export function openParams(): OpenParams {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const model = settings.get("model", "").trim() || (process.env[MODEL_VARIABLE] ?? "");
  const dataDir = settings.get("dataFolder", "").trim();
  const threads = settings.get("threads", 0);
  const diskBudget = settings.get("diskBudgetGB", 0);
  return {
    ...(model && { model }),
    ...(dataDir && { dataDir }),
    ...(threads > 0 && { threads }),
    ...deviceChoice(settings.get<string>("device", "auto")),
    ...(diskBudget > 0 && { diskBudgetBytes: Math.round(diskBudget * 1e9) }),
    secretPatterns: secretPatterns(settings),
    priority: settings.get<string>("priority", "low") === "normal" ? "normal" : "low",
    pauseOnBattery: settings.get("pauseOnBattery", true),
    maxFileBytes: settings.get("maxFileSizeKiB", 1024) * 1024,
  };
}

/**
 * The patterns of all levels of the settings: VS Code lets a level's list take the place of the one before, but a repository must
 * not take away what its user added. The user's come last, so that no `!pattern` of the repository undoes them.
 */
function secretPatterns(settings: vscode.WorkspaceConfiguration): string[] {
  const levels = settings.inspect<string[]>("secretPatterns");
  const lists = [levels?.workspaceFolderValue, levels?.workspaceValue, levels?.globalValue];
  return lists.flatMap((list) => list ?? []);
}

/** A choice that is not known is left out. */
function deviceChoice(name: string): Pick<OpenParams, "device"> {
  return name === "auto" || name === "cpu" || name === "webgpu" ? { device: name } : {};
}

/** Names the model in the settings of this machine; "" lets the machine's memory choose. */
export async function nameModel(model: string): Promise<void> {
  const settings = vscode.workspace.getConfiguration(SECTION);
  await settings.update("model", model === "" ? undefined : model, vscode.ConfigurationTarget.Global);
}

/** The host that models are downloaded from; `HF_ENDPOINT` names a mirror, as for the hub's own tools. */
export function modelSource(): string {
  return URL.parse(process.env["HF_ENDPOINT"] ?? "")?.host ?? "huggingface.co";
}

/** What the engine's process finds in its environment: this one's, with the editor's proxy and certificates. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  const http = vscode.workspace.getConfiguration("http");
  return withNetworkSettings(process.env, {
    proxy: http.get("proxy", "").trim(),
    proxySupport: http.get("proxySupport", "override"),
    noProxy: http.get<string[]>("noProxy", []),
    systemCertificates: http.get("systemCertificates", true),
    strictSsl: http.get("proxyStrictSSL", true),
  });
}

/** Whether a change of the settings needs a new engine. */
export function changesEngine(event: vscode.ConfigurationChangeEvent): boolean {
  return (
    ENGINE_SETTINGS.some((name) => event.affectsConfiguration(`${SECTION}.${name}`)) ||
    event.affectsConfiguration("http")
  );
}
