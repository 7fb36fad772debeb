import { type ChildProcess, fork } from "node:child_process";
import type { Channel } from "../engine/protocol/channel.ts";
import { RepoMemoryError } from "../engine/protocol/errors.ts";
import { type Handshake, PROTOCOL_VERSION, type ProgressEvent } from "../engine/protocol/rpc.ts";
import { EngineClient } from "./engine-client.ts";

/** Node-API of Node 22.14: what the engine's database needs. An older Node would crash when it opens one. */
const LEAST_NAPI = 10;

/** Lines of the dying process's error output that are kept for the message to the user. */
const LAST_WORDS = 5;

/** What an engine's process needs from who starts it. */
export interface ChildOptions {
  /** The engine's program. */
  entry: string;
  /** Every line that the process writes to its output. */
  log: (line: string) => void;
  onProgress: (event: ProgressEvent) => void;
  /** The process's environment, read at every start; this process's own by default. */
  environment?: () => NodeJS.ProcessEnv;
}

/** A started engine process. */
export interface EngineChild {
  client: EngineClient;
  pid: number | undefined;
  /** Settles when the process is gone, with why. */
  exited: Promise<RepoMemoryError>;
  kill(): void;
}

/** Starts the engine's process and returns at once; `greet` waits until it answers. */
export function startChild(options: ChildOptions): EngineChild {
  const child = fork(options.entry, [], {
    execPath: process.execPath,
    execArgv: [],
    env: childEnvironment(options.environment?.() ?? process.env, process.versions["electron"] !== undefined),
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    serialization: "json",
  });
  const lastWords = followOutput(child, options.log);
  const client = new EngineClient(ipcChannel(child), options.onProgress, (error) => options.log(error.message));
  const exited = new Promise<RepoMemoryError>((resolve) => {
    child.once("error", (error) => resolve(died(`could not be started: ${error.message}`, lastWords)));
    child.once("exit", (code, signal) => resolve(died(`ended (${signal ?? `exit code ${code}`})`, lastWords)));
  });
  void exited.then((reason) => client.die(reason));
  return { client, pid: child.pid, exited, kill: () => void child.kill() };
}

/**
 * Waits for the process's first answer.
 * @throws RepoMemoryError when it runs on too old a Node or speaks another version of the protocol.
 */
export async function greet({ client, exited }: EngineChild): Promise<Handshake> {
  const hello = await Promise.race([client.hello(), exited.then((reason) => Promise.reject(reason))]);
  if (hello.napi < LEAST_NAPI) {
    throw new RepoMemoryError("internal", {
      message: `Node ${hello.node} is too old for Repo Memory.`,
      meaning: "Its database needs Node 22.14 or later, which VS Code has had since version 1.101.",
      remedy: "Update VS Code (or the VS Code server on the remote machine).",
    });
  }
  if (hello.protocol !== PROTOCOL_VERSION) {
    throw new RepoMemoryError("internal", {
      message: `The engine speaks version ${hello.protocol} of the protocol, the extension ${PROTOCOL_VERSION}.`,
      meaning: "Files of two versions of Repo Memory are mixed.",
      remedy: "Install the extension again and reload the window.",
    });
  }
  return hello;
}

/** VS Code's variables for its own children would change how ours starts. */
function childEnvironment(env: NodeJS.ProcessEnv, isElectron: boolean): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^(VSCODE_|ELECTRON_|NODE_OPTIONS$|NODE_CHANNEL)/.test(name));
  return { ...Object.fromEntries(kept), ...(isElectron && { ELECTRON_RUN_AS_NODE: "1" }) };
}

function ipcChannel(child: ChildProcess): Channel {
  return {
    send: (message) => {
      // A failed send means that the process is going; its exit ends the call with a better reason.
      if (child.connected) child.send(message, () => {});
    },
    onMessage: (listener) => child.on("message", listener),
  };
}

/** Passes output on by the line; the returned list keeps the last lines of the error output. */
function followOutput(child: ChildProcess, log: (line: string) => void): string[] {
  const lastWords: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = (lines.pop() ?? "").slice(-10_000);
      for (const line of lines) log(line);
      if (stream === child.stderr) lastWords.push(...lines.filter((line) => line.trim() !== ""));
      lastWords.splice(0, lastWords.length - LAST_WORDS);
    });
  }
  return lastWords;
}

function died(how: string, lastWords: readonly string[]): RepoMemoryError {
  const said = lastWords.length > 0 ? ` Its last words: ${lastWords.join(" / ")}` : "";
  return new RepoMemoryError("engine-died", {
    message: `The engine ${how}.${said}`,
    meaning: "What was read so far is kept. An answer in progress is lost.",
    remedy: "It is started again by itself. If it keeps ending, look at the log.",
  });
}
