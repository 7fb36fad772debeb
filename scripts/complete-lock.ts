/**
 * Adds to the lock file the optional packages for other platforms that it lacks: `node scripts/complete-lock.ts`.
 * A registry that mirrors one platform only makes npm leave them out, and then `npm ci` refuses the file everywhere.
 * Which platform a package is for is read from its name, as all of their publishers write it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** An entry of the lock file; only what is read or written here. */
interface LockedPackage {
  version?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const lockFile = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const platformName =
  /(?:^|[/-])(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)(?:-(gnu|musl)\w*)?(?:-\w+)?$/;

function entryFor(name: string, version: string): LockedPackage {
  const [, os, cpu, libc] = platformName.exec(name) ?? [];
  if (os === undefined || cpu === undefined) throw new Error(`${name}: which platform is it for?`);
  const libcFields = os === "linux" && libc !== undefined ? { libc: [libc === "gnu" ? "glibc" : "musl"] } : {};
  return { version, cpu: [cpu], dev: true, ...libcFields, optional: true, os: [os] };
}

const lock: { packages: Record<string, LockedPackage> } = JSON.parse(readFileSync(lockFile, "utf8"));
const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies).filter(
    ([name]) => !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
  ),
);
for (const [name, version] of missing) lock.packages[`node_modules/${name}`] = entryFor(name, version);
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")));
writeFileSync(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(`${missing.length} packages added`);
