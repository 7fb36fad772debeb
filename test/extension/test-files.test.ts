import { expect, test } from "vitest";
import {
  isTestFile,
  nearestTest,
  relativeImport,
  testOpening,
  testPathFor,
} from "../../extension/actions/test-files.ts";

test("tests are told by their names", () => {
  const tests = ["a.test.ts", "src/a.spec.js", "test_a.py", "a_test.go", "ATest.java", "ATests.cs", "__tests__/a.js"];
  expect(tests.filter((path) => !isTestFile(path))).toEqual([]);
  expect(["src/a.ts", "latest.ts", "contest.py", "test/helper.ts"].filter(isTestFile)).toEqual([]);
});

const all = ["src/a.ts", "test/parcels.test.ts", "test/web/page.test.tsx", "tools/test_build.py", "lib/b_test.go"];

test("the nearest test is of the source's kind and folders; its own before all", () => {
  expect(nearestTest("src/parcels.ts", all)).toBe("test/parcels.test.ts");
  expect(nearestTest("src/web/menu.ts", all)).toBe("test/web/page.test.tsx");
  expect(nearestTest("tools/pack.py", all)).toBe("tools/test_build.py");
  expect(nearestTest("src/a.rs", all)).toBeUndefined();
});

test("a new test lies beside the nearest, named like it", () => {
  expect(testPathFor("src/config.ts", "test/parcels.test.ts")).toBe("test/config.test.ts");
  expect(testPathFor("tools/pack.py", "tools/test_build.py")).toBe("tools/test_pack.py");
  expect(testPathFor("lib/a.go", "lib/b_test.go")).toBe("lib/a_test.go");
  expect(testPathFor("src/Cart.java", "test/ShopTest.java")).toBe("test/CartTest.java");
  expect(testPathFor("a.js", "__tests__/b.js")).toBe("__tests__/a.js");
});

test("imports are written from the test's place", () => {
  expect(relativeImport("test/a.test.ts", "src/a.ts")).toBe("../src/a.ts");
  expect(relativeImport("a.test.ts", "a.ts")).toBe("./a.ts");
  expect(relativeImport("test/x/a.test.ts", "test/y/a.ts")).toBe("../y/a.ts");
});

test("a new test begins like the nearest, with its own subject", () => {
  const subject = { name: "loadConfig", path: "src/config.ts" };
  const text = 'import { test } from "vitest";\nimport { find } from "../src/find.ts";\n\ntest("finds", () => {});\n';
  expect(testOpening({ path: "test/find.test.ts", text }, subject, "test/config.test.ts")).toBe(
    'import { test } from "vitest";\nimport { loadConfig } from "../src/config.ts";\n\ntest',
  );
  const bare = "import { find } from '../find'\n\ndescribe('find', () => {})\n";
  expect(testOpening({ path: "a/find.test.js", text: bare }, subject, "src/x.test.js")).toBe(
    "import { loadConfig } from './config'\n\ndescribe",
  );
  const python = "import pytest\nfrom tools.build import build\n\ndef test_build():\n    pass\n";
  expect(testOpening({ path: "t/test_build.py", text: python }, subject, "t/test_x.py")).toBe(
    "import pytest\nfrom tools.build import build\n\ndef test_",
  );
  expect(testOpening({ path: "a.test.ts", text: "nothing" }, subject, "b.test.ts")).toBe("");
});
