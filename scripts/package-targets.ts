/** The platforms that a package is made for, and what of the native packages each needs. */

/** Where VS Code's names differ from Node's, this is the table. */
const TARGETS = {
  "linux-x64": { folder: "linux/x64", library: "libonnxruntime.so.1", sqlite: "linux-x64" },
  "linux-arm64": { folder: "linux/arm64", library: "libonnxruntime.so.1", sqlite: "linux-arm64" },
  "darwin-arm64": { folder: "darwin/arm64", library: "libonnxruntime.1.dylib", sqlite: "darwin-arm64" },
  "win32-x64": { folder: "win32/x64", library: "onnxruntime.dll", sqlite: "win32-x64" },
  "win32-arm64": { folder: "win32/arm64", library: "onnxruntime.dll", sqlite: "win32-arm64" },
} as const;

/** A platform that onnxruntime-node and better-sqlite3 have binaries for. */
export type Target = keyof typeof TARGETS;

/** All of them. */
export const TARGET_NAMES: readonly string[] = Object.keys(TARGETS);

/** What VS Code knows besides, and why there is no package for it. */
const WITHOUT: Record<string, string> = {
  "darwin-x64": "onnxruntime-node has no library for Macs with Intel processors",
  "linux-armhf": "onnxruntime-node has no library for 32-bit ARM",
  "alpine-x64": "onnxruntime-node needs glibc, and Alpine has musl: use a container with Debian or Ubuntu",
  "alpine-arm64": "onnxruntime-node needs glibc, and Alpine has musl: use a container with Debian or Ubuntu",
  web: "a browser can neither start the engine's process nor map its model: use desktop VS Code or a remote",
};

/** Whether there is a package for `name`. */
export function isTarget(name: string): name is Target {
  return Object.hasOwn(TARGETS, name);
}

/** The sentence for a platform that gets no package. */
export function whyNot(name: string): string {
  const known = `There are packages for ${TARGET_NAMES.join(", ")}.`;
  const reason = WITHOUT[name];
  return reason === undefined
    ? `"${name}" is no platform of VS Code. ${known}`
    : `Not for ${name}: ${reason}. ${known}`;
}

/** Native files of a target, relative to `node_modules`. DirectML and the shader compiler are loaded by onnxruntime.dll. */
export function nativeFiles(target: Target): string[] {
  const { folder, library, sqlite } = TARGETS[target];
  const runtime = `onnxruntime-node/bin/napi-v6/${folder}`;
  const extra = target.startsWith("win32") ? ["DirectML.dll", "dxcompiler.dll", "dxil.dll"] : [];
  return [
    ...["onnxruntime_binding.node", library, ...extra].map((file) => `${runtime}/${file}`),
    `better-sqlite3/prebuilds/${sqlite}.node`,
  ];
}
