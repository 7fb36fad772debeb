import { describe, expect, it } from "vitest";
import { CATALOG, chooseModel, hubUrl } from "../../engine/models/catalog.ts";

describe("the catalogue", () => {
  it("has every model once", () => {
    expect(new Set(CATALOG.map(({ name }) => name)).size).toBe(CATALOG.length);
    expect(new Set(CATALOG.map(({ file }) => file)).size).toBe(CATALOG.length);
  });

  it("goes from small to large, and larger models want no less memory", () => {
    const { length } = CATALOG;
    const pairs = CATALOG.slice(1).map((model, i) => [CATALOG[i], model] as const);
    expect(pairs.filter(([a, b]) => a !== undefined && a.parameters < b.parameters)).toHaveLength(length - 1);
    expect(pairs.filter(([a, b]) => a !== undefined && a.minMemoryBytes <= b.minMemoryBytes)).toHaveLength(length - 1);
  });

  it("asks for more memory than the file takes, and for files of a plausible size", () => {
    for (const { bytes, parameters, minMemoryBytes, name } of CATALOG.slice(1)) {
      expect({ name, fits: minMemoryBytes > 2 * bytes }).toEqual({ name, fits: true });
      expect({ name, bits: (8 * bytes) / parameters > 4 && (8 * bytes) / parameters < 10 }).toEqual({
        name,
        bits: true,
      });
    }
  });

  it.each([
    [0, "smollm2-135m"],
    [4e9, "smollm2-360m"],
    [8e9, "qwen2.5-coder-0.5b"],
    [16e9, "qwen2.5-coder-1.5b"],
    [512e9, "qwen2.5-coder-1.5b"],
  ])("chooses for %d bytes of memory", (memory, name) => {
    expect(chooseModel(memory).name).toBe(name);
  });

  it("names the hub's file, or a mirror's", () => {
    const model = chooseModel(8e9);
    const path = "/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
    expect(hubUrl(model, {})).toBe(`https://huggingface.co${path}`);
    expect(hubUrl(model, { HF_ENDPOINT: "http://127.0.0.1:1/" })).toBe(`http://127.0.0.1:1${path}`);
  });
});
