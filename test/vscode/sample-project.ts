import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A small service, enough for a question with one right answer. */
const FILES: Record<string, string> = {
  "README.md":
    "# Parcel tracker\n\nA small service that tells where a parcel is. Run `npm start`; tests run with `npm test`.\n",
  "src/config.ts": `/** Where the service listens and keeps its data. */
export interface Config {
  port: number;
  database: string;
}

/** The port that the parcel tracker listens on unless PORT names another. */
export const DEFAULT_PORT = 8734;

/** Reads the configuration from the environment. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  return { port: Number(env.PORT ?? DEFAULT_PORT), database: env.DATABASE ?? "parcels.sqlite" };
}
`,
  "src/server.ts": `import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { loadConfig } from "./config.ts";
import { findParcel } from "./parcels.ts";

/** Starts the HTTP server and returns it. */
export function startServer() {
  const { port } = loadConfig(process.env);
  const server = createServer(handle);
  server.listen(port);
  return server;
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const parcel = findParcel(request.url ?? "");
  response.statusCode = parcel ? 200 : 404;
  response.end(JSON.stringify(parcel ?? { error: "unknown parcel" }));
}
`,
  "src/parcels.ts": `/** A parcel on its way. */
export interface Parcel {
  id: string;
  city: string;
}

const parcels = new Map<string, Parcel>([["/p1", { id: "p1", city: "Lisbon" }]]);

/** The parcel under a path, or undefined when nobody knows it. */
export function findParcel(path: string): Parcel | undefined {
  return parcels.get(path);
}
`,
  "test/parcels.test.ts": `import assert from "node:assert";
import { findParcel } from "../src/parcels.ts";

assert.equal(findParcel("/p1")?.city, "Lisbon");
assert.equal(findParcel("/none"), undefined);
`,
};

/** A folder of its own with the sample project; `settings` become the workspace's. */
export function sampleProject(settings: Record<string, unknown> = {}): { folder: string; remove: () => void } {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), "repo-memory-sample-")));
  const folder = join(parent, "parcel-tracker");
  const files = { ...FILES, ".vscode/settings.json": JSON.stringify(settings) };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return { folder, remove: () => rmSync(parent, { recursive: true, force: true }) };
}
