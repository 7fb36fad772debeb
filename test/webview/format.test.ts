import { expect, test } from "vitest";
import { bytes, count, duration, plural, splitPath, timeLeft } from "../../webview/format.ts";

test.each([
  [count(9999), "9,999"],
  [count(148_203), "148 k"],
  [count(1_240_000), "1.2 M"],
  [bytes(0), "0 B"],
  [bytes(999), "999 B"],
  [bytes(98_000_000), "98 MB"],
  [bytes(1_500_000_000), "1.5 GB"],
  [duration(340), "340 ms"],
  [duration(2140), "2.1 s"],
  [timeLeft(59), "less than a minute"],
  [timeLeft(240), "4 min"],
  [timeLeft(7800), "2 h 10 min"],
  [timeLeft(7190), "2 h 0 min"],
  [plural(1, "file"), "1 file"],
  [plural(0, "file"), "0 files"],
])("%s", (shown, expected) => expect(shown).toBe(expected));

test("a path is split before its last name", () => {
  expect(splitPath("src/deep/a.ts")).toEqual({ folder: "src/deep/", name: "a.ts" });
  expect(splitPath("a.ts")).toEqual({ folder: "", name: "a.ts" });
});
