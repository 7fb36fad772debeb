import { bytes, count, plural, splitPath } from "./format.ts";
import { Icon } from "./icon.tsx";
import { IconButton } from "./icon-button.tsx";
import { language, t } from "./l10n.ts";
import { phaseLabel, ProgressBar } from "./progress-bar.tsx";
import type { EngineView, MemoryView, Meter } from "./protocol/messages.ts";
import { send } from "./vscode-api.ts";

/** The strip above the chat: what the engine does, and what the memory holds. */
export function MemoryMeter({ engine, memory }: { engine: EngineView; memory: MemoryView }) {
  const meter = engine.kind === "ready" ? memory.meter : undefined;
  const { icon, spin, label } = headline(engine, memory, meter);
  return (
    <header class="meter" aria-label={t("Memory")}>
      <div class="meter-line">
        <span class={`meter-icon meter-${engine.kind === "ready" ? memory.state : engine.kind}`}>
          <Icon name={icon} spin={spin} />
        </span>
        <span class="meter-label" title={details(memory)}>
          {label}
        </span>
        <MeterButton engine={engine} memory={memory} />
      </div>
      {meter && <ProgressBar meter={meter} />}
      {meter?.detail && memory.state !== "paused" && <div class="meter-detail">{detail(meter.detail)}</div>}
    </header>
  );
}

interface Headline {
  icon: string;
  spin: boolean;
  label: string;
}

function headline(engine: EngineView, memory: MemoryView, meter: Meter | undefined): Headline {
  const still = (icon: string, label: string): Headline => ({ icon, spin: false, label });
  const busy = (label: string): Headline => ({ icon: "loading", spin: true, label });
  const { folder, state } = memory;
  if (!folder) return still("folder", t("No folder is open"));
  if (engine.kind === "restarting") return busy(t("The engine stopped. Starting it again …"));
  if (engine.kind === "starting") return busy(t("Starting the engine"));
  if (engine.kind === "failed") return still("circle-slash", t("The engine is not running"));
  if (engine.kind === "off") return still("circle-large-outline", t("The engine is off"));
  if (state === "reading") return busy(meter ? workLabel(meter, folder) : t("Loading the model"));
  if (state === "paused") return still("debug-pause", t("Reading {0} is paused", folder));
  if (state === "failed")
    return still("warning", memory.error?.action === "download" ? t("No model yet") : t("Reading stopped"));
  if (memory.files === 0) return still("circle-large-outline", t("{0} is not in memory yet", folder));
  return still("database", t("{0} · {1} tokens in memory", plural(memory.files, "file"), count(memory.tokens)));
}

function workLabel(meter: Meter, folder: string): string {
  return meter.phase === "ingest" ? t("Reading {0}", folder) : phaseLabel(meter);
}

function details({ folder, files, tokens, bytes: size, model }: MemoryView): string {
  if (files === 0) return "";
  const held = t(
    "{0}: {1}, {2} tokens, {3} on disk",
    folder ?? "",
    plural(files, "file"),
    tokens.toLocaleString(language),
    bytes(size),
  );
  return model === undefined ? held : `${held}\n${t("Model: {0}", model)}`;
}

/** Long paths lose their middle folders, never the file's name. */
function detail(path: string) {
  const { folder, name } = splitPath(path);
  return (
    <>
      <span class="dim-folder">{folder}</span>
      <span>{name}</span>
    </>
  );
}

function MeterButton({ engine, memory }: { engine: EngineView; memory: MemoryView }) {
  const button = (icon: string, label: string, type: "pause" | "resume" | "read") => (
    <IconButton icon={icon} label={label} onClick={() => send({ type })} />
  );
  if (engine.kind !== "ready" || !memory.folder) return null;
  if (memory.state === "reading" && memory.meter?.phase !== "ingest") return null;
  if (memory.state === "reading") return button("debug-pause", t("Pause reading"), "pause");
  if (memory.state === "paused") return button("debug-continue", t("Resume reading"), "resume");
  if (memory.state === "failed") return null;
  return memory.files === 0
    ? button("play", t("Read this folder"), "read")
    : button("refresh", t("Read what changed"), "read");
}
