/** A GPU in software, out of npm: what the tests of WebGPU run on, with nothing to install as root. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { chromiumPackage } from "../vscode/chromium.ts";

const folder = fileURLToPath(new URL("../../.cache/swiftshader", import.meta.url));

/** Whether there is a SwiftShader in npm for this machine. */
export const HAS_SWIFTSHADER = process.platform === "linux" && process.arch === "x64";

/** Says why there is none, where it cannot be had. */
export const SWIFTSHADER_PROBLEM_VARIABLE = "REPO_MEMORY_SWIFTSHADER_PROBLEM";

/** What a process must find in its environment when it starts, for its WebGPU to be SwiftShader and nothing else. */
export function swiftShaderEnvironment(): NodeJS.ProcessEnv {
  if (!existsSync(folder)) unpack();
  const driver = join(folder, "vk_swiftshader_icd.json");
  const libraries = [folder, process.env["LD_LIBRARY_PATH"] ?? ""].filter((path) => path !== "").join(":");
  return { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: libraries };
}

/** SwiftShader and a Vulkan loader are an archive in Chromium's package. */
function unpack(): void {
  const work = `${folder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const archive = join(work, "swiftshader.tar");
  writeFileSync(archive, brotliDecompressSync(readFileSync(`${chromiumPackage()}bin/swiftshader.tar.br`)));
  const { status } = spawnSync("tar", ["-xf", archive, "-C", work]);
  if (status !== 0) throw new Error(`${archive} cannot be unpacked`);
  rmSync(archive);
  try {
    renameSync(work, folder);
  } catch (error) {
    // Another process may have been first.
    if (!existsSync(folder)) throw error;
    rmSync(work, { recursive: true });
  }
}

/** @throws Error saying what was tried, when the set-up could not get one */
export function checkSwiftShader(): void {
  const problem = process.env[SWIFTSHADER_PROBLEM_VARIABLE];
  if (HAS_SWIFTSHADER && problem !== undefined) throw new Error(`This test needs SwiftShader. ${problem}`);
}
