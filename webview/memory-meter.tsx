import { bytes, count, plural, splitPath } from "./format.ts";
import { Icon } from "./icon.tsx";
import { phaseLabel, ProgressBar } from "./progress-bar.tsx";
import type { EngineView, MemoryView, Meter } from "./protocol/messages.ts";
import { send } from "./vscode-api.ts";

/** The strip above the chat: what the engine does, and what the memory holds. */
export function MemoryMeter({ engine, memory }: { engine: EngineView; memory: MemoryView }) {
  const meter = engine.kind === "ready" ? memory.meter : undefined;
  const { icon, spin, label } = headline(engine, memory, meter);
  return (
    <header class="meter" aria-label="Memory">
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
  if (!memory.folder) return still("folder", "No folder is open");
  if (engine.kind === "restarting") return busy("The engine stopped. Starting it again …");
  if (engine.kind === "starting") return busy("Starting the engine");
  if (engine.kind === "failed") return still("circle-slash", "The engine is not running");
  if (engine.kind === "off") return still("circle-large-outline", "The engine is off");
  if (memory.state === "reading")
    return busy(
      meter ? `${phaseLabel(meter)}${meter.phase === "ingest" ? ` ${memory.folder}` : ""}` : "Loading the model",
    );
  if (memory.state === "paused") return still("debug-pause", `Reading ${memory.folder} is paused`);
  if (memory.state === "failed")
    return still("warning", memory.error?.action === "download" ? "No model yet" : "Reading stopped");
  if (memory.files === 0) return still("circle-large-outline", `${memory.folder} is not in memory yet`);
  return still("database", `${plural(memory.files, "file")} · ${count(memory.tokens)} tokens in memory`);
}

function details({ folder, files, tokens, bytes: size, model }: MemoryView): string {
  if (files === 0) return "";
  const lines = [
    `${folder ?? ""}: ${plural(files, "file")}, ${tokens.toLocaleString("en")} tokens, ${bytes(size)} on disk`,
  ];
  if (model !== undefined) lines.push(`Model: ${model}`);
  return lines.join("\n");
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
  if (engine.kind !== "ready" || !memory.folder) return null;
  if (memory.state === "reading" && memory.meter?.phase !== "ingest") return null;
  if (memory.state === "reading") return <IconButton icon="debug-pause" label="Pause reading" type="pause" />;
  if (memory.state === "paused") return <IconButton icon="debug-continue" label="Resume reading" type="resume" />;
  if (memory.state === "failed") return null;
  const label = memory.files === 0 ? "Read this folder" : "Read what changed";
  return <IconButton icon={memory.files === 0 ? "play" : "refresh"} label={label} type="read" />;
}

function IconButton({ icon, label, type }: { icon: string; label: string; type: "pause" | "resume" | "read" }) {
  return (
    <button type="button" class="icon-button" title={label} aria-label={label} onClick={() => send({ type })}>
      <Icon name={icon} />
    </button>
  );
}
