/** The models that a user can choose from, in the order and words of a list. Knows nothing of VS Code. */
import type { ModelInfo } from "../../engine/protocol/requests.ts";
import { bytes } from "../status/figures.ts";
import type { Audience } from "../status/describe-status.ts";

/** A group of the list: models with what is said of each. */
export interface ModelGroup {
  title: string;
  entries: ModelEntry[];
}

/** A model as the list shows it. */
export interface ModelEntry {
  model: ModelInfo;
  label: string;
  /** Size, licence and who keeps it. */
  description: string;
  /** Whether it suits this machine. */
  detail: string;
}

const PROGRAMS = { ollama: "Ollama", "lm-studio": "LM Studio", "hub-cache": "Hugging Face" } as const;

/**
 * What is on this machine comes first, since it costs no download; then what can be had, the suggested one before others that fit and
 * those before others that do not. @param memoryBytes all memory of the machine
 */
export function modelGroups(models: readonly ModelInfo[], memoryBytes: number, audience: Audience): ModelGroup[] {
  const { l10n } = audience;
  const entry = (model: ModelInfo) => entryFor(model, memoryBytes, audience);
  const of = (state: ModelInfo["state"]) => models.filter((model) => model.state === state);
  const rank = (model: ModelInfo) => (model.suggested === true ? 0 : fits(model, memoryBytes) ? 1 : 2);
  const downloadable = of("downloadable").toSorted((a, b) => rank(a) - rank(b) || a.bytes - b.bytes);
  // Programs that somebody installed for models first: what they hold was chosen by the user.
  const onDisk = of("on-disk").toSorted((a, b) => Number(a.source === undefined) - Number(b.source === undefined));
  return [
    { title: l10n.t("In use"), entries: of("in-use").map(entry) },
    { title: l10n.t("On this machine, nothing to download"), entries: onDisk.map(entry) },
    { title: l10n.t("To download"), entries: downloadable.map(entry) },
  ].filter(({ entries }) => entries.length > 0);
}

/** What is asked before anything is fetched. */
export function downloadQuestion(model: ModelInfo, from: string, { l10n, language }: Audience) {
  return {
    question: l10n.t("Download {0}?", bytes(model.bytes, language)),
    detail: l10n.t(
      "{0}, licence {1}, from {2}. It is kept on this machine and its checksum is compared. Nothing else is fetched and nothing is sent.",
      model.name,
      model.license,
      from,
    ),
  };
}

function fits({ minMemoryBytes = 0 }: ModelInfo, memoryBytes: number): boolean {
  return minMemoryBytes <= memoryBytes;
}

function entryFor(model: ModelInfo, memoryBytes: number, { l10n, language }: Audience): ModelEntry {
  const { name, license, source, state } = model;
  const size = bytes(model.bytes, language);
  const icon = { "in-use": "check", "on-disk": "device-desktop", downloadable: "cloud-download" }[state];
  const known = license === "" || license === "unknown" ? l10n.t("licence unknown") : license;
  const facts = [size, known, ...(source === undefined ? [] : [PROGRAMS[source]])];
  return {
    model,
    label: `$(${icon}) ${name}`,
    description: facts.join(" · "),
    detail: suits(model, memoryBytes, { l10n, language }),
  };
}

function suits(model: ModelInfo, memoryBytes: number, { l10n, language }: Audience): string {
  const has = bytes(memoryBytes, language);
  if (model.suggested === true) return l10n.t("Suggested for this machine, which has {0} of memory", has);
  if (fits(model, memoryBytes)) return "";
  const needs = bytes(model.minMemoryBytes ?? 0, language);
  return `$(warning) ${l10n.t("Needs {0} of memory; this machine has {1}", needs, has)}`;
}
