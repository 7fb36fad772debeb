/** What the status bar, the language status and the status list say. Knows nothing of VS Code. */
import type { MemoryView } from "../../webview/protocol/messages.ts";
import type { EngineState } from "../engine-process.ts";
import { errorCard } from "../view-model.ts";
import { bytes, count, type Localisation, percent, timeLeft } from "./figures.ts";

type ErrorCard = NonNullable<MemoryView["error"]>;

/** How urgent a state is. */
export type Severity = "information" | "warning" | "error";

/** The state of the memory, for people. */
export interface StatusDescription {
  /** A codicon's name, and whether it turns. */
  icon: string;
  isBusy: boolean;
  /** Behind the icon in the status bar. */
  short: string;
  /** A sentence. */
  summary: string;
  /** What is known, one fact a line. */
  facts: string[];
  severity: Severity;
  /** What is wrong, where something is. */
  error: ErrorCard | undefined;
}

/** Who is spoken to. */
export interface Audience {
  l10n: Localisation;
  /** As VS Code names it: "en", "de", "zh-cn", … */
  language: string;
}

type State = Omit<StatusDescription, "facts">;

/** Describes what the engine does and what the memory holds. */
export function describeStatus(engine: EngineState, memory: MemoryView, audience: Audience): StatusDescription {
  return { ...stateOf(engine, memory, audience), facts: factsOf(memory, audience) };
}

function stateOf(engine: EngineState, memory: MemoryView, { l10n, language }: Audience): State {
  const name = l10n.t("Memory");
  const folder = memory.folder ?? "";
  const calm = (icon: string, summary: string, short = name): State => {
    return { icon, isBusy: false, short, summary, severity: "information", error: undefined };
  };
  const busy = (icon: string, summary: string, short = name): State => ({
    ...calm(icon, summary, short),
    isBusy: true,
  });
  if (engine.kind === "failed") return wrong(name, errorCard(engine.error, l10n), "error");
  if (memory.error) return wrong(name, memory.error, "warning");
  if (memory.folder === undefined) return calm("database", l10n.t("No folder is open."));
  if (engine.kind === "restarting") return busy("sync", l10n.t("The engine stopped and is started again."));
  if (engine.kind === "starting") return busy("loading", l10n.t("The engine is starting."));
  if (engine.kind === "stopped")
    return calm("database", l10n.t("The engine is off. It starts with the first question."));
  const share = shareOf(memory);
  const short = share === undefined ? name : l10n.t("Memory {0}", percent(share, language));
  if (memory.state === "reading") return busy("sync", readingSummary(memory, l10n), short);
  if (memory.state === "paused") return calm("debug-pause", l10n.t("Reading {0} is paused.", folder), short);
  if (memory.files === 0) return calm("database", l10n.t("Nothing of {0} is in memory yet.", folder));
  return calm("database", l10n.t("{0} is in memory.", folder));
}

function wrong(name: string, error: ErrorCard, severity: Severity): State {
  return { icon: "warning", isBusy: false, short: name, summary: error.message, severity, error };
}

function readingSummary({ meter, folder = "" }: MemoryView, l10n: Localisation): string {
  if (meter === undefined) return l10n.t("The model is loading.");
  if (meter.phase === "download") return l10n.t("The model is being downloaded.");
  if (meter.phase === "convert") return l10n.t("The model is being prepared, once.");
  if (meter.phase === "train") return l10n.t("The look-up is being trained.");
  return l10n.t("{0} is being read.", folder);
}

/** The share of the work in hand that is done; undefined where nobody waits for it. */
function shareOf({ meter }: MemoryView): number | undefined {
  return meter && meter.total > 0 ? meter.done / meter.total : undefined;
}

function factsOf(memory: MemoryView, audience: Audience): string[] {
  const { l10n, language } = audience;
  const { model, device, disk } = memory;
  return [
    ...memoryFacts(memory, audience),
    ...workFacts(memory, audience),
    ...(model === undefined ? [] : [l10n.t("Model: {0}", model)]),
    ...(device === undefined || device === "" ? [] : [deviceFact(device, memory, audience)]),
    ...(disk === undefined
      ? []
      : [l10n.t("Disk: {0} of {1} for all folders", bytes(disk.used, language), bytes(disk.budget, language))]),
  ];
}

/** The device, and where a GPU is not used, or not for all, why; a machine without one needs no reason. */
function deviceFact(device: string, { deviceReason, deviceTokens }: MemoryView, { l10n, language }: Audience): string {
  const reasons = new Map([
    ["testing", l10n.t("a GPU is being tested")],
    ["failed", l10n.t("the GPU does not start")],
    ["crashed", l10n.t("the GPU crashed")],
    ["wrong", l10n.t("the GPU computes wrongly")],
    ["late", l10n.t("the GPU does not answer in time")],
    ["slow", l10n.t("the GPU is slower")],
    ["small", l10n.t("the GPU has too little memory")],
    ["lost", l10n.t("the GPU failed in work")],
  ]);
  const small =
    deviceTokens === undefined ? undefined : l10n.t("room for {0} tokens at once", count(deviceTokens, language));
  const why = reasons.get(deviceReason ?? "") ?? small;
  return l10n.t("Runs on: {0}", why === undefined ? device : `${device} (${why})`);
}

function memoryFacts({ files, tokens, allTokens, meter }: MemoryView, { l10n, language }: Audience): string[] {
  const ingest = meter?.phase === "ingest" && meter.unit === "tokens" ? meter : undefined;
  if (files === 0 && allTokens === undefined && ingest === undefined) return [];
  const here = Math.max(tokens, ingest?.done ?? 0);
  const all = Math.max(here, ingest?.total ?? 0, allTokens ?? 0);
  const of = l10n.t("{0} of {1} tokens in memory", count(here, language), count(all, language));
  return [files === 0 ? of : l10n.t("{0}, {1} files", of, count(files, language))];
}

/** How fast the work in hand goes, and how long it takes. */
function workFacts({ meter, state }: MemoryView, { l10n, language }: Audience): string[] {
  if (meter === undefined || state !== "reading" || meter.rate <= 0) return [];
  const { rate, unit, secondsLeft } = meter;
  const facts = [
    unit === "bytes"
      ? l10n.t("{0} a second", bytes(rate, language))
      : l10n.t("{0} {1} a second", count(rate, language), unit === "tokens" ? l10n.t("tokens") : l10n.t("steps")),
  ];
  if (secondsLeft !== undefined) facts.push(l10n.t("{0} left", timeLeft(secondsLeft, l10n)));
  return facts;
}
