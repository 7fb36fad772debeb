import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";

/** A port of this machine's own address that nothing listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise<void>((listening) => void probe.once("listening", () => listening()));
  const address = probe.address();
  await new Promise<void>((closed) => void probe.close(() => closed()));
  if (address === null || typeof address === "string") throw new Error("No free port was found.");
  return address.port;
}

/**
 * Asks `url` until it answers.
 * @throws Error when the server's process ends first
 */
export async function untilAnswering(url: string, server: ChildProcess): Promise<void> {
  while (server.exitCode === null && server.signalCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise<void>((waited) => void setTimeout(waited, 50));
  }
  throw new Error(`The server at ${url} ended with ${server.exitCode ?? server.signalCode} before it answered.`);
}
