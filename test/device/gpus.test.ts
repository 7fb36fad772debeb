import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findGpus, linuxGpus } from "../../engine/runtime/gpus.ts";
import { temporaryFolder } from "../support/folder.ts";

test("Linux tells of GPUs by their render nodes, with their drivers' names", () => {
  const root = temporaryFolder({
    "sys/class/drm/renderD128/device/vendor": "0x1002\n",
    "sys/class/drm/renderD128/device/device": "0x164e\n",
    "sys/class/drm/card0/device/vendor": "0x1002\n",
    "usr/share/vulkan/icd.d/radeon_icd.json": "{}",
    "proc/sys/kernel/osrelease": "6.1\n",
    "bus/amdgpu/bind": "",
  });
  symlinkSync(join(root, "bus/amdgpu"), join(root, "sys/class/drm/renderD128/device/driver"));
  expect(linuxGpus(root)).toEqual({ names: ["amdgpu 0x1002:0x164e"], drivers: ["", "6.1", "radeon_icd.json"] });
});

test("NVIDIA's own driver and WSL's count where they have devices", () => {
  const root = temporaryFolder({ "proc/driver/nvidia/version": "NVRM version: 550", "dev/nvidiactl": "" });
  expect(linuxGpus(root).names).toEqual([]);
  mkdirSync(join(root, "dev/nvidia0"));
  mkdirSync(join(root, "dev/dxg"));
  expect(linuxGpus(root).names).toEqual(["NVIDIA", "WSL GPU"]);
});

test("drivers in software are no hardware, whatever the machine has", async () => {
  const driver = "/opt/vk_swiftshader_icd.json";
  const { hardware, fingerprint } = await findGpus({ VK_DRIVER_FILES: driver });
  expect(hardware).toEqual([]);
  expect(fingerprint).toContain(driver);
});
