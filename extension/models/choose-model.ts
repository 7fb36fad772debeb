import { totalmem } from "node:os";
import * as vscode from "vscode";
import type { ModelInfo } from "../../engine/protocol/requests.ts";
import type { Host } from "../host.ts";
import { modelSource, nameModel, openParams } from "../settings.ts";
import { bytes } from "../status/figures.ts";
import { downloadQuestion, modelGroups } from "./model-list.ts";

type Item = vscode.QuickPickItem & { model?: ModelInfo; isFile?: boolean };

/** Lets the user choose among the models on this machine, those that can be downloaded, and any file. */
export async function chooseModel(host: Host): Promise<void> {
  const title = vscode.l10n.t("Choose a model");
  const placeHolder = vscode.l10n.t("This machine has {0} of memory", bytes(totalmem(), vscode.env.language));
  const options = { title, placeHolder, matchOnDescription: true, ignoreFocusOut: true };
  const picked = await vscode.window.showQuickPick(itemsFor(host), options);
  if (picked?.isFile === true) await chooseFile(host);
  else if (picked?.model) await use(host, picked.model);
}

/** Offers the download of the model that the settings name, else that suits this machine; where there is nothing to fetch, the list. */
export async function downloadModel(host: Host): Promise<void> {
  const models = (await (await host.ready()).models()).filter(({ state }) => state === "downloadable");
  const { model: named } = openParams();
  const wanted = models.find(({ name }) => name === named) ?? models.find(({ suggested }) => suggested === true);
  if (wanted) await fetchModel(host, wanted);
  else await chooseModel(host);
}

async function itemsFor(host: Host): Promise<Item[]> {
  const models = await (await host.ready()).models();
  const groups = modelGroups(models, totalmem(), { l10n: vscode.l10n, language: vscode.env.language });
  const kind = vscode.QuickPickItemKind.Separator;
  const other = vscode.l10n.t("Choose a model file …");
  return [
    ...groups.flatMap(({ title, entries }): Item[] => [{ label: title, kind }, ...entries]),
    { label: "", kind },
    { label: `$(folder-opened) ${other}`, description: ".gguf", isFile: true },
  ];
}

async function chooseFile(host: Host): Promise<void> {
  const openLabel = vscode.l10n.t("Use this model");
  const [file] = (await vscode.window.showOpenDialog({ openLabel, filters: { GGUF: ["gguf"] } })) ?? [];
  if (file) await switchTo(host, file.fsPath);
}

async function use(host: Host, model: ModelInfo): Promise<void> {
  if (model.state === "downloadable") await fetchModel(host, model);
  else if (model.state === "on-disk" && model.path !== undefined) await switchTo(host, model.path);
}

async function fetchModel(host: Host, model: ModelInfo): Promise<void> {
  const audience = { l10n: vscode.l10n, language: vscode.env.language };
  const { question, detail } = downloadQuestion(model, modelSource(), audience);
  const yes = vscode.l10n.t("Download");
  if ((await vscode.window.showInformationMessage(question, { modal: true, detail }, yes)) !== yes) return;
  await host.allowDownload();
  // Unnamed, the suggested model may also be had in another way where the hub cannot be reached.
  await switchTo(host, model.suggested === true ? "" : model.name);
}

/** Names the model in the settings and starts the engine with it; reads on at once, so that a download begins now. */
async function switchTo(host: Host, model: string): Promise<void> {
  await nameModel(model);
  await host.engine.restart();
  await host.read();
}
