/** VS Code's network settings, as far as they matter to a download. */
export interface NetworkSettings {
  /** `http.proxy` */
  proxy: string;
  /** `http.proxySupport`: with "off", no proxy is used, not even one that the environment names. */
  proxySupport: string;
  /** `http.noProxy` */
  noProxy: readonly string[];
  /** `http.systemCertificates` */
  systemCertificates: boolean;
  /** `http.proxyStrictSSL` */
  strictSsl: boolean;
}

/** Names of the variables, in both cases, that programs take a proxy from. */
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/**
 * The environment of the engine's process with the editor's network settings in Node's own variables: the editor's proxy before the
 * environment's, as VS Code itself has it. What Node does not know of these, it ignores.
 */
export function withNetworkSettings(env: NodeJS.ProcessEnv, settings: NetworkSettings): NodeJS.ProcessEnv {
  const { proxy, proxySupport, noProxy, systemCertificates, strictSsl } = settings;
  const isOff = proxySupport === "off";
  const replaced = isOff || proxy !== "" ? PROXIES : [];
  const known = new Set([...replaced, ...(noProxy.length > 0 ? ["NO_PROXY"] : [])]);
  const kept = Object.entries(env).filter(([name]) => !known.has(name.toUpperCase()));
  return {
    ...Object.fromEntries(kept),
    ...(!isOff && proxy !== "" && { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }),
    ...(noProxy.length > 0 && { NO_PROXY: noProxy.join(",") }),
    // From Node 22.21 and 24 on, fetch asks these by itself; later ones are told by the engine as well.
    NODE_USE_ENV_PROXY: isOff ? "0" : "1",
    ...(systemCertificates && { NODE_USE_SYSTEM_CA: "1" }),
    ...(!strictSsl && { NODE_TLS_REJECT_UNAUTHORIZED: "0" }),
  };
}
