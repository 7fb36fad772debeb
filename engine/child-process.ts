/**
 * The engine as a child process. Two threads, because the model's arithmetic blocks the one that it runs on: the RPC thread
 * answers pings and passes calls on; the engine thread owns the engine and reads cancellations between tokens.
 */
import { createBirpc } from "birpc";
import { isMainThread, type MessagePort, parentPort, Worker } from "node:worker_threads";
import { type Channel, overChannel } from "./protocol/channel.ts";
import type { ClientFunctions, EngineFunctions } from "./protocol/rpc.ts";
import { handshake, type OpenEngine, reportAndGoOn, serveEngine } from "./server.ts";

/** How long a process that lost its parent may take to close its stores, in milliseconds. They survive being cut off. */
const LAST_GASP = 10_000;

type Rpc = ReturnType<typeof createBirpc<EngineFunctions, ClientFunctions>>;

/** What the engine's program does: `file` is its own URL, which is started again as the second thread. */
export interface EngineProgram {
  file: string;
  open: OpenEngine;
  defaultDataDir: string;
}

/** Runs whichever of the two threads this is. Returns at once; the process lives until its parent is gone or closes it. */
export function runEngineProcess(program: EngineProgram): void {
  if (isMainThread) runRpcThread(program.file);
  else if (parentPort) runEngineThread(parentPort, program);
}

function runEngineThread(port: MessagePort, { open, defaultDataDir }: EngineProgram): void {
  serveEngine(portChannel(port), { open, defaultDataDir, onClosed: () => process.exit(0) });
}

function runRpcThread(file: string): void {
  if (!process.send) {
    console.error("This program is started by the VS Code extension. In a terminal, use the repo-memory command.");
    process.exitCode = 2;
    return;
  }
  const worker = new Worker(new URL(file));
  const engine = connectToEngine(worker);
  worker.on("error", (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  worker.on("exit", (code) => {
    process.exitCode ||= code;
    if (process.connected) process.disconnect();
  });
  process.on("disconnect", () => {
    void engine.call(-1, "close", {});
    setTimeout(() => process.exit(), LAST_GASP).unref();
  });
}

/** Joins the two channels: what this thread can answer is answered, all else goes through. */
function connectToEngine(worker: Worker): Rpc {
  const engine: Rpc = createBirpc<EngineFunctions, ClientFunctions>(
    {
      progress: (event) => void client.progress(event),
      answer: (id, event) => void client.answer(id, event),
      generated: (id, event) => void client.generated(id, event),
    },
    { ...overChannel(portChannel(worker)), eventNames: ["cancel"], timeout: -1, onGeneralError: reportAndGoOn },
  );
  const functions: EngineFunctions = {
    hello: async () => handshake(),
    ping: async () => "pong",
    call: (id, name, params) => engine.call(id, name, params),
    cancel: (id) => void engine.cancel(id),
  };
  const client = createBirpc<ClientFunctions, EngineFunctions>(functions, {
    ...overChannel(parentChannel()),
    eventNames: ["progress", "answer", "generated"],
    timeout: -1,
    resolver: (name, resolved) => (Object.hasOwn(functions, name) ? resolved : undefined),
    onGeneralError: reportAndGoOn,
  });
  return engine;
}

/** The IPC channel to the process that started this one. */
function parentChannel(): Channel {
  return {
    send: (message) => {
      if (process.connected) process.send?.(message);
    },
    onMessage: (listener) => process.on("message", listener),
  };
}

function portChannel(port: MessagePort | Worker): Channel {
  return {
    send: (message) => port.postMessage(message),
    onMessage: (listener) => port.on("message", listener),
  };
}
