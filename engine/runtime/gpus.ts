/** The GPUs of this machine, as far as can be told without loading a driver: that may crash, and takes long. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { cpus, release } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

/** What is known of the machine's GPUs. */
export interface Gpus {
  /** Names of GPUs that are hardware; empty where WebGPU could only be computed by the CPU (SwiftShader, llvmpipe, WARP). */
  hardware: string[];
  /** Changes with the GPUs, their drivers and what Vulkan is told to use: what was tested holds only as long as this is the same. */
  fingerprint: string;
}

/** Looks for GPUs. @param env as `process.env`: Vulkan's own variables choose drivers */
export async function findGpus(env: NodeJS.ProcessEnv = process.env): Promise<Gpus> {
  const { names, drivers } = await machineGpus();
  const named = env["VK_DRIVER_FILES"] ?? env["VK_ICD_FILENAMES"] ?? "";
  const isSoftware = SOFTWARE.test(named);
  return {
    hardware: isSoftware ? [] : names.filter((name) => !SOFTWARE.test(name)),
    fingerprint: [process.platform, process.arch, release(), ...names, ...drivers, named].join("\n"),
  };
}

/** Names of devices and drivers that compute on the CPU. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|lvp_icd|basic (render|display)|remote display|software/i;

interface Found {
  names: string[];
  /** Versions and files of drivers. */
  drivers: string[];
}

function machineGpus(): Found | Promise<Found> {
  if (process.platform === "linux") return linuxGpus("/");
  if (process.platform === "win32") return windowsGpus();
  // On Apple's own processors there is always a GPU, and its driver comes with the system.
  if (process.platform === "darwin" && process.arch === "arm64")
    return { names: [cpus()[0]?.model ?? "Apple"], drivers: [] };
  return { names: [], drivers: [] };
}

/** Reads what the kernel tells of render nodes, of NVIDIA's driver and of WSL's. @param root "/" but in tests */
export function linuxGpus(root: string): Found {
  const nodes = entries(join(root, "sys/class/drm")).filter((name) => name.startsWith("renderD"));
  const names = nodes.map((node) => {
    const device = join(root, "sys/class/drm", node, "device");
    return `${driverOf(device)} ${text(join(device, "vendor"))}:${text(join(device, "device"))}`;
  });
  const nvidia = text(join(root, "proc/driver/nvidia/version"));
  const isNvidiaMissing = nvidia !== "" && !names.some((name) => name.startsWith("nvidia"));
  if (isNvidiaMissing && entries(join(root, "dev")).some((name) => /^nvidia\d+$/.test(name))) names.push("NVIDIA");
  if (existsSync(join(root, "dev/dxg"))) names.push("WSL GPU");
  const manifests = ["usr/share/vulkan/icd.d", "etc/vulkan/icd.d"].flatMap((folder) => entries(join(root, folder)));
  return { names, drivers: [nvidia, text(join(root, "proc/sys/kernel/osrelease")), ...manifests] };
}

/** The kernel's module for a device; virtual ones without 3D are none that Vulkan would use. */
function driverOf(device: string): string {
  try {
    return basename(readlinkSync(join(device, "driver")));
  } catch {
    return "gpu";
  }
}

/** Windows keeps its display adapters, with the versions of their drivers, under this class in the registry. */
const DISPLAY_CLASS = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}";

async function windowsGpus(): Promise<Found> {
  const query = promisify(execFile);
  const system = process.env["SystemRoot"] ?? "C:\\Windows";
  const read = async (value: string) => {
    const { stdout } = await query(join(system, "System32", "reg.exe"), ["query", DISPLAY_CLASS, "/s", "/v", value]);
    return [...stdout.matchAll(/REG_SZ\s+(.+?)\s*$/gm)].map(([, found = ""]) => found);
  };
  try {
    return { names: await read("DriverDesc"), drivers: await read("DriverVersion") };
  } catch {
    return { names: [], drivers: [] };
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
