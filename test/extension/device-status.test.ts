import { expect, test } from "vitest";
import { describeStatus } from "../../extension/status/describe-status.ts";

const l10n = {
  t: (message: string, ...values: (string | number)[]) =>
    message.replaceAll(/\{(\d)\}/g, (_, index: string) => `${values[Number(index)] ?? ""}`),
};

function factsOn(device: string, deviceReason: string | undefined, deviceTokens?: number): string[] {
  const memory = { folder: "a", state: "ready" as const, files: 1, tokens: 2, bytes: 3, model: "m" };
  const view = {
    ...memory,
    severalFolders: false,
    device,
    deviceReason,
    deviceTokens,
    meter: undefined,
    error: undefined,
  };
  return describeStatus({ kind: "stopped" }, view, { l10n, language: "en" }).facts;
}

test("the status says what the model runs on, and why a GPU that is there does nothing", () => {
  expect(factsOn("A GPU (WebGPU)", "passed")).toContain("Runs on: A GPU (WebGPU)");
  expect(factsOn("CPU, 2 threads", "slow")).toContain("Runs on: CPU, 2 threads (the GPU is slower)");
  expect(factsOn("CPU, 2 threads", "small")).toContain("Runs on: CPU, 2 threads (the GPU has too little memory)");
  expect(factsOn("A GPU (WebGPU)", "passed", 1024)).toContain(
    "Runs on: A GPU (WebGPU) (room for 1,024 tokens at once)",
  );
  expect(factsOn("CPU, 2 threads", "lost")).toContain("Runs on: CPU, 2 threads (the GPU failed in work)");
});

test("a machine without a GPU, and a word of a newer engine, need no reason", () => {
  for (const reason of ["no-gpu", "chosen", undefined, "constructor"])
    expect(factsOn("CPU, 2 threads", reason)).toContain("Runs on: CPU, 2 threads");
});
