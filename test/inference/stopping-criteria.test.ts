import { describe, expect, it } from "vitest";
import { createRandom } from "../../engine/inference/random.ts";
import { StoppingCriteria, type StoppingOptions } from "../../engine/inference/stopping-criteria.ts";

const END = 2;

/** Feeds `texts` as tokens 10, 11, … until generation ends. */
function generate(texts: readonly string[], options: Partial<StoppingOptions>) {
  const criteria = new StoppingCriteria({ endTokens: new Set([END]), maxTokens: 1000, ...options });
  const shown: string[] = [];
  for (const [i, text] of texts.entries()) {
    const step = criteria.push(text === "<end>" ? END : 10 + i, text === "<end>" ? "" : text);
    shown.push(step.text);
    if (step.finish !== undefined) return { shown, text: shown.join(""), finish: step.finish };
  }
  return { shown, text: shown.join(""), finish: undefined };
}

describe("StoppingCriteria", () => {
  it("ends at an end token", () => {
    expect(generate(["a", "b", "<end>", "c"], {})).toEqual({ shown: ["a", "b", ""], text: "ab", finish: "stop" });
  });

  it("ends after so many tokens, the end token not counted", () => {
    expect(generate(["a", "b", "c"], { maxTokens: 2 })).toMatchObject({ text: "ab", finish: "length" });
    expect(generate(["a", "<end>"], { maxTokens: 2 })).toMatchObject({ text: "a", finish: "stop" });
  });

  it("ends at a stop string that several tokens make up, and shows nothing of it", () => {
    const stopStrings = ["\nUser:"];
    expect(generate(["yes", "\n", "Us", "er", ": more"], { stopStrings })).toMatchObject({
      shown: ["yes", "", "", "", ""],
      finish: "stop",
    });
    expect(generate(["yes\nUser: no"], { stopStrings })).toMatchObject({ text: "yes", finish: "stop" });
  });

  it("shows what only looked like a stop string", () => {
    const stopStrings = ["\n\nUser:", "\n#"];
    expect(generate(["a\n", "\nUs", "e it"], { stopStrings }).shown).toEqual(["a", "", "\n\nUse it"]);
    expect(generate(["a\n", "<end>"], { stopStrings })).toMatchObject({ text: "a\n", finish: "stop" });
    expect(generate(["a\n"], { stopStrings, maxTokens: 1 })).toMatchObject({ text: "a\n", finish: "length" });
  });

  it("shows the text up to the first stop string, however it is cut", () => {
    const stopStrings = ["abab", "bb", "", "caba"];
    for (let seed = 0; seed < 500; seed++) {
      const random = createRandom(seed);
      const text = Array.from({ length: 30 }, () => "abc".charAt(Math.floor(random() * 3))).join("");
      const tokens = text.match(/.{1,3}/gu) ?? [];
      const { text: shown, finish } = generate([...tokens, "<end>"], { stopStrings });
      expect(stopStrings.some((stop) => stop !== "" && shown.includes(stop))).toBe(false);
      expect(text.startsWith(shown)).toBe(true);
      expect(finish).toBe("stop");
      const end = text.slice(shown.length);
      expect(end === "" || stopStrings.some((stop) => stop !== "" && end.startsWith(stop))).toBe(true);
    }
  });
});
