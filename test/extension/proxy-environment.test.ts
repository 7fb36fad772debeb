import { createServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type NetworkSettings, withNetworkSettings } from "../../extension/models/proxy-environment.ts";
import { temporaryFolder } from "../support/folder.ts";

/** What VS Code's settings are when nobody touched them. */
const untouched: NetworkSettings = {
  proxy: "",
  proxySupport: "override",
  noProxy: [],
  systemCertificates: true,
  strictSsl: true,
};

test("the editor's proxy takes the place of the environment's, in either case of its names", () => {
  const env = { http_proxy: "http://old", HTTPS_PROXY: "http://old", all_proxy: "socks://old", PATH: "/bin" };
  const result = withNetworkSettings(env, { ...untouched, proxy: "http://proxy:8080", noProxy: ["intra", ".local"] });
  expect(result).toEqual({
    PATH: "/bin",
    HTTP_PROXY: "http://proxy:8080",
    HTTPS_PROXY: "http://proxy:8080",
    NO_PROXY: "intra,.local",
    NODE_USE_ENV_PROXY: "1",
    NODE_USE_SYSTEM_CA: "1",
  });
});

test("without a proxy of the editor's, the environment's stays, unless proxies are switched off", () => {
  const env = { HTTPS_PROXY: "http://mine", NO_PROXY: "here" };
  expect(withNetworkSettings(env, untouched)).toMatchObject(env);
  const off = withNetworkSettings(env, { ...untouched, proxySupport: "off", proxy: "http://proxy:8080" });
  expect(off).toEqual({ NO_PROXY: "here", NODE_USE_ENV_PROXY: "0", NODE_USE_SYSTEM_CA: "1" });
});

test("certificates of the system and strictness are the editor's choice", () => {
  const result = withNetworkSettings({}, { ...untouched, systemCertificates: false, strictSsl: false });
  expect(result).toEqual({ NODE_USE_ENV_PROXY: "1", NODE_TLS_REJECT_UNAUTHORIZED: "0" });
});

test("the engine's process fetches through the proxy that the editor names", async () => {
  const content = "weights".repeat(1000);
  const origin = await listening(createServer((_request, response) => void response.end(content)));
  const tunnels: string[] = [];
  const proxy = createServer((request, response) => {
    tunnels.push(`${request.method} ${request.url}`);
    response.end(content);
  });
  proxy.on("connect", (request, client: Socket) => {
    tunnels.push(`CONNECT ${request.url}`);
    const [host = "", port = "0"] = (request.url ?? "").split(":");
    const upstream = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy());
  });
  const through = await listening(proxy);
  const path = join(temporaryFolder(), "model.gguf");
  const program = new URL("../support/download-child.ts", import.meta.url).pathname;
  const url = `http://localhost:${origin}/model.gguf`;
  const env = withNetworkSettings(
    { PATH: process.env["PATH"] },
    { ...untouched, proxy: `http://127.0.0.1:${through}` },
  );
  const child = spawn(process.execPath, [program, url, path], { env, stdio: "inherit" });
  const [code] = await once(child, "exit");
  expect(code).toBe(0);
  expect(readFileSync(path, "utf8")).toBe(content);
  expect(tunnels.length).toBeGreaterThan(0);
  for (const tunnel of tunnels) expect(tunnel).toContain(`localhost:${origin}`);
});

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
