import { expect, test } from "vitest";
import { fencedCode, usableCode } from "../../extension/actions/fenced-code.ts";
import { smallestFix } from "../../extension/actions/smallest-fix.ts";

const F = "```";

test("the first block's code is found among prose, with its end", () => {
  expect(fencedCode(`Sure:\n\n${F}ts\nconst a = 1;\n${F}\n\n${F}\nother\n${F}`)).toEqual({
    code: "const a = 1;",
    isClosed: true,
  });
  expect(fencedCode(`~~~~\n${F}\na\n~~~\n~~~~`)).toEqual({ code: `${F}\na\n~~~`, isClosed: true });
  expect(fencedCode(`${F}ts\r\na\r\nb`)).toEqual({ code: "a\nb", isClosed: false });
  expect(fencedCode("Use `a` and ```b```.")).toBeUndefined();
});

test.each([
  ["no fence", "Just rename it.", "no code"],
  ["an empty block", `${F}\n\n${F}`, "no code"],
  ["a block that does not end", `${F}\nconst a = 2;`, "cut off"],
  ["the same code", `${F}\n  const a  = 1;\n${F}`, "unchanged"],
  ["brackets that stay open", `${F}\nconst a = [1;\n${F}`, "broken"],
  ["text that runs the other way", `${F}\nconst a = "\u202Exyz";\n${F}`, "deceiving"],
  ["a terminal's escape", `${F}\nconst a = "\u001B[2J";\n${F}`, "deceiving"],
])("%s is no edit", (_, answer, problem) => {
  expect(usableCode(answer, "const a = 1;")).toEqual({ problem });
});

test("code takes the indentation of what it replaces", () => {
  const answer = `${F}\nif (a) {\n  b();\n}\n${F}`;
  expect(usableCode(answer, "    if (a) b();")).toEqual({ code: "    if (a) {\n      b();\n    }" });
  expect(usableCode(`${F}\n\n      deep();\n${F}`, "  shallow();")).toEqual({ code: "  deep();" });
});

const before = ["function start() {"];
const wrong = ["  const { port } = loadConfg(env);"];
const after = ["  listen(port);", "}"];

function answerWith(...lines: string[]): string {
  return [`${F}ts`, ...before, ...lines, F].join("\n");
}

test("a fix is as small as can be: up to where the model comes back to what was there", () => {
  const answer = answerWith("  const config = loadConfig(env);", "  const { port } = config;", "  listen(port);", "}");
  expect(smallestFix(answer, before, wrong, after)).toEqual({
    code: "  const config = loadConfig(env);\n  const { port } = config;",
  });
});

test("a model that goes its own way gives no more than the first line that closes its brackets", () => {
  const answer = answerWith("  const { port } = loadConfig({", "    env,", "  });", "  rewriteEverything();", "}");
  expect(smallestFix(answer, before, wrong, after)).toEqual({
    code: "  const { port } = loadConfig({\n    env,\n  });",
  });
});

test("a fix that changes nothing, or is none, is no edit", () => {
  expect(smallestFix(answerWith(wrong[0] ?? "", ...after), before, wrong, after)).toEqual({ problem: "unchanged" });
  expect(smallestFix(answerWith("  ((("), before, wrong, after)).toEqual({ problem: "no code" });
  expect(smallestFix("I cannot.", before, wrong, after)).toEqual({ problem: "no code" });
});
