import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** How the server misbehaves; by default it does not. */
export interface Behaviour {
  /** Cut the connection after so many bytes of the body, for each of the first connections. */
  cutAfter?: number[];
  ignoreRange?: boolean;
  /** Statuses of the first GET answers. */
  statuses?: number[];
  /** Headers of the HEAD answer, instead of the hub's. */
  describe?: Record<string, string>;
  describeStatus?: number;
  /** Redirects before the HEAD answer. */
  redirects?: number;
  /** Sent instead of the content. */
  send?: Buffer;
  /** Never end the body. */
  hang?: boolean;
}

/** A hub of one file on 127.0.0.1: HEAD describes it, GET redirects to `/storage`, which gives it. */
export interface FileServer extends AsyncDisposable {
  url: string;
  endpoint: string;
  sha256: string;
  /** Of each GET of the content: the range asked for. */
  ranges: (string | undefined)[];
}

/** Starts the server on a free port. */
export async function serveFile(content: Buffer, behaviour: Behaviour = {}): Promise<FileServer> {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    if (request.method === "HEAD") describe(request, response);
    else if (request.url === "/storage") give(request, response);
    else response.writeHead(302, { location: "/storage" }).end();
  });

  function describe(request: IncomingMessage, response: ServerResponse): void {
    const hop = Number(new URL(request.url ?? "/", "http://x").searchParams.get("hop") ?? 0);
    if (hop < (behaviour.redirects ?? 0)) return void response.writeHead(307, { location: `?hop=${hop + 1}` }).end();
    const hub = { "x-linked-size": String(content.length), "x-linked-etag": `"${sha256}"`, location: "/storage" };
    response.writeHead(behaviour.describeStatus ?? 302, behaviour.describe ?? hub).end();
  }

  function give(request: IncomingMessage, response: ServerResponse): void {
    const connection = ranges.push(request.headers.range) - 1;
    const status = behaviour.statuses?.[connection];
    if (status !== undefined) return void response.writeHead(status).end();
    const from = behaviour.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/u.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = (behaviour.send ?? content).subarray(from);
    const range = { "content-range": `bytes ${from}-${from + body.length - 1}/${from + body.length}` };
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? range : {});
    const cut = behaviour.cutAfter?.[connection];
    if (cut === undefined && !behaviour.hang) return void response.end(body);
    response.write(body.subarray(0, cut), () => behaviour.hang || response.destroy());
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("The server has no port");
  const endpoint = `http://127.0.0.1:${address.port}`;
  return {
    url: `${endpoint}/owner/model.gguf`,
    endpoint,
    sha256,
    ranges,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
