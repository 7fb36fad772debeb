import type { OptionSpec } from "./arguments.ts";
import type { Command } from "./command.ts";

/** Options that every command has. */
export const sharedOptions: Record<string, OptionSpec> = {
  model: {
    type: "string",
    value: "MODEL",
    help: "A GGUF file, a folder with safetensors or a name from `models`; chosen if absent",
  },
  data: { type: "string", value: "DIR", help: "Where memory and models are kept (~/.cache/repo-memory)" },
  threads: { type: "string", value: "N", help: "Threads for the model's arithmetic; one a core if absent" },
  device: { type: "string", value: "D", help: "auto takes a GPU that is right and faster; or cpu, or webgpu (auto)" },
  "disk-budget": {
    type: "string",
    value: "GB",
    help: "Disk for the memory of all folders; 10 or a fifth of what is free if absent",
  },
  "max-file-kib": { type: "string", value: "N", help: "Files above this many KiB are not read (1024)" },
  priority: { type: "string", value: "P", help: "low leaves the processor to other programs; normal if absent" },
  json: { type: "boolean", help: "Print one JSON object on standard output and nothing else" },
  help: { type: "boolean", short: "h", help: "Show this" },
};

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

function optionRows(options: Record<string, OptionSpec>): [string, string][] {
  return Object.entries(options).map(([name, { short, value, help }]) => [
    `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
    help,
  ]);
}

/** `repo-memory COMMAND --help` */
export function commandHelp({ name, usage, summary, options, examples }: Command): string {
  const sections = [
    summary,
    `Usage\n  repo-memory ${name} ${usage}`.trimEnd(),
    `Options\n${columns(optionRows({ ...options, ...sharedOptions }))}`,
    `Examples\n${examples.map(({ line, does }) => `  ${line}\n      ${does}`).join("\n")}`,
  ];
  return `${sections.join("\n\n")}\n`;
}

/** `repo-memory --help` */
export function overview(commands: readonly Command[]): string {
  const sections = [
    "Repo Memory reads a folder into a local language model's memory and answers from it. Nothing leaves this machine.",
    "Usage\n  repo-memory COMMAND [ARGUMENT…]\n  repo-memory COMMAND --help\n  repo-memory --version",
    `Commands\n${columns(commands.map(({ name, summary }) => [name, summary] as const))}`,
    'Examples\n  repo-memory ingest .\n  repo-memory ask . "What is the value of BLOCK_TOKENS?"',
    "Exit codes\n  0 done, 1 failed, 2 wrong usage, 130 interrupted",
    "Environment\n  REPO_MEMORY_HOME   as --data\n  REPO_MEMORY_MODEL  as --model\n  REPO_MEMORY_SECRET_PATTERNS  more files never to read, a .gitignore pattern a line\n  NO_COLOR           no colours",
  ];
  return `${sections.join("\n\n")}\n`;
}
