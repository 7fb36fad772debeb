import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Locked {
  optionalDependencies?: Record<string, string>;
  resolved?: string;
}

function read(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");
}

const manifest: { dependencies: Record<string, string> } = JSON.parse(read("package.json"));
const lock: { packages: Record<string, Locked> } = JSON.parse(read("package-lock.json"));

test("there are at most ten runtime dependencies, each pinned", () => {
  expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(10);
  for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("the lock file names every platform's packages, since npm ci refuses one that does not", () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(missing, "node scripts/complete-lock.ts adds them").toEqual([]);
});

test("the lock file names no registry, so that everyone's own is used", () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved !== undefined)).toEqual([]);
});
