/** The small commands: `status`, `forget`, `models`. */
import { isAbsolute, relative, sep } from "node:path";
import type { DeviceReason } from "../protocol/device.ts";
import type { ModelInfo, StatusResult } from "../protocol/requests.ts";
import { usageError } from "./arguments.ts";
import { type Command, type CommandCall, folderArgument } from "./command.ts";
import { bytes, counted } from "./figures.ts";

export const statusCommand: Command = {
  name: "status",
  usage: "DIR",
  summary: "Show what is in memory of a folder, how large it is, and which model made it.",
  options: {},
  examples: [
    { line: "repo-memory status .", does: "the folder you are in" },
    { line: "repo-memory status ~/src/app --json", does: "the same as JSON" },
  ],
  run: runStatus,
};

async function runStatus(call: CommandCall): Promise<void> {
  call.args.expect(["DIR"]);
  const folder = await folderArgument(call);
  const status = await (await call.engine()).status(folder);
  if (call.terminal.json) call.terminal.object(status);
  else call.terminal.line(statusText(status));
}

const states: Record<StatusResult["state"], string> = {
  empty: "nothing read yet (repo-memory ingest reads it)",
  ingesting: "being read",
  paused: "read in part (repo-memory ingest goes on)",
  ready: "ready",
};

function statusText({
  folder,
  state,
  files,
  blocks,
  tokens,
  bytes: size,
  model,
  device,
  deviceReason,
  deviceDetail,
  deviceBytes,
  deviceMostBytes,
  deviceTokens,
  deviceFull,
  ...disk
}: StatusResult): string {
  return [
    `Folder  ${folder}`,
    `State   ${states[state]}`,
    `Memory  ${counted(files, "file")}, ${counted(blocks, "block")}, ${counted(tokens, "token")}, ${bytes(size)} on disk`,
    `Disk    ${bytes(disk.storesBytes)} of ${bytes(disk.budgetBytes)} for the memory of all folders`,
    `Model   ${model === undefined ? "none chosen yet" : `${model.name} (${model.license || "license not stated"})`}`,
    `Device  ${device}${deviceWhy(deviceReason, deviceDetail)}${deviceMemory({ deviceBytes, deviceMostBytes, deviceTokens })}${deviceFull === undefined ? "" : `; no room: ${deviceFull}`}`,
  ].join("\n");
}

const deviceReasons: Partial<Record<DeviceReason, string>> = {
  passed: "it gave the CPU's numbers, and faster",
  testing: "a GPU is being tested",
  failed: "the GPU does not start",
  crashed: "the GPU crashed",
  wrong: "the GPU computes wrongly",
  late: "the GPU does not answer in time",
  slow: "the GPU is slower",
  small: "the GPU has too little memory",
  lost: "the GPU failed in work",
};

type DeviceMemory = Partial<Record<"deviceBytes" | "deviceMostBytes" | "deviceTokens", number | undefined>>;

function deviceMemory({ deviceBytes, deviceMostBytes, deviceTokens }: DeviceMemory): string {
  if (deviceBytes === undefined) return "";
  const most = deviceMostBytes === undefined ? "" : `, ${bytes(deviceMostBytes)} at most`;
  const small = deviceTokens === undefined ? "" : `; room for ${counted(deviceTokens, "token")} at once`;
  return `, ${bytes(deviceBytes)} of its memory${most}${small}`;
}

function deviceWhy(reason: DeviceReason | undefined, detail: string | undefined): string {
  const why = reason === undefined ? undefined : deviceReasons[reason];
  return why === undefined ? "" : ` (${why}${detail === undefined ? "" : `: ${detail}`})`;
}

export const forgetCommand: Command = {
  name: "forget",
  usage: "DIR [PATH…]",
  summary:
    "Remove files or folders from memory, or all of a folder's memory. The files themselves stay, and the next reading takes them in again unless a .repomemoryignore names them.",
  options: {},
  examples: [
    { line: "repo-memory forget . src/old", does: "all that was read below src/old" },
    { line: "repo-memory forget .", does: "the whole memory of the folder you are in" },
  ],
  run: runForget,
};

async function runForget(call: CommandCall): Promise<void> {
  if (call.args.positionals.length === 0) call.args.expect(["DIR"]);
  const folder = await folderArgument(call);
  const paths = call.args.positionals.slice(1).map((path) => insideFolder(folder, path));
  const engine = await call.engine();
  const result = await engine.forget(paths.length === 0 ? { folder } : { folder, paths });
  if (call.terminal.json) call.terminal.object(result);
  else call.terminal.line(`Forgot ${counted(result.files, "file")} and ${counted(result.blocks, "block")}.`);
}

/** A path as the engine names it: relative to the folder, with "/", no "./" and no "/" at its end. */
function insideFolder(folder: string, path: string): string {
  const inside = (isAbsolute(path) ? relative(folder, path) : path).replaceAll(sep, "/");
  const parts = inside.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.length > 0 && !parts.includes("..") && !isAbsolute(inside)) return parts.join("/");
  throw usageError(`"${path}" is not a path inside ${folder}.`, "Paths are relative to DIR.");
}

export const modelsCommand: Command = {
  name: "models",
  usage: "",
  summary: "List the models on this machine and those that can be had.",
  options: {},
  examples: [
    { line: "repo-memory models", does: "a table" },
    { line: "repo-memory models --json", does: "the same as JSON: {models: […]}" },
  ],
  run: runModels,
};

const modelStates: Record<ModelInfo["state"], string> = {
  "in-use": "in use",
  "on-disk": "on disk",
  downloadable: "can be downloaded",
};

async function runModels(call: CommandCall): Promise<void> {
  call.args.expect([]);
  const models = await (await call.engine()).models();
  if (call.terminal.json) call.terminal.object({ models });
  else if (models.length === 0) call.terminal.line("There is no model. Name a file with --model.");
  else for (const row of table(models)) call.terminal.line(row);
}

function table(models: readonly ModelInfo[]): string[] {
  const rows = models.map(({ name, bytes: size, license, state, path }) => [
    name,
    bytes(size),
    modelStates[state],
    license,
    path ?? "",
  ]);
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
