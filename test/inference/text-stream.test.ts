import { describe, expect, it } from "vitest";
import { createRandom } from "../../engine/inference/random.ts";
import { TextStream } from "../../engine/inference/text-stream.ts";

const TEXT = "\ufeffnaïve 漢字 👩‍💻🏽 \0\r\n \u{10ffff} end";

describe("TextStream", () => {
  it("gives whole characters, however the bytes are cut", () => {
    const bytes = new TextEncoder().encode(TEXT);
    for (let seed = 0; seed < 200; seed++) {
      const random = createRandom(seed);
      const stream = new TextStream();
      const parts: string[] = [];
      for (let at = 0; at < bytes.length;) {
        const end = at + Math.floor(random() * 4);
        parts.push(stream.push(bytes.subarray(at, end)));
        at = end;
      }
      expect(parts.join("") + stream.flush()).toBe(TEXT);
      expect(parts.filter((part) => !part.isWellFormed() || part.includes("\ufffd"))).toEqual([]);
    }
  });

  it("marks bytes that are no text, and a character that stays incomplete", () => {
    const stream = new TextStream();
    expect(stream.push(Uint8Array.of(0x61, 0xff, 0x62))).toBe("a\ufffdb");
    expect(stream.push(Uint8Array.of(0xe6, 0xbc))).toBe("");
    expect(stream.flush()).toBe("\ufffd");
    expect(stream.push(Uint8Array.of(0x63))).toBe("c");
  });
});
