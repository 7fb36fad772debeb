import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { FolderFilter } from "../../engine/ingest/folder-filter.ts";
import type { WalkOptions } from "../../engine/ingest/folder-filter.ts";
import { walk } from "../../engine/ingest/walk.ts";
import { temporaryFolder, writeFile } from "../support/folder.ts";
import { randomChoice, randomInteger, seededRandom } from "../support/random.ts";

let home: string;

beforeEach(() => {
  home = temporaryFolder();
  vi.stubEnv("HOME", home);
  vi.stubEnv("XDG_CONFIG_HOME", join(home, ".config"));
  vi.stubEnv("GIT_CONFIG_GLOBAL", join(home, ".gitconfig"));
  vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1");
  writeFile(home, ".gitconfig", "");
});
afterEach(() => vi.unstubAllEnvs());

function git(folder: string, ...parameters: string[]): string {
  return execFileSync("git", ["-C", folder, ...parameters], { encoding: "utf8" });
}

async function walked(folder: string, options: WalkOptions = {}): Promise<{ files: string[]; skipped: string[] }> {
  const skipped: string[] = [];
  const filter = await FolderFilter.open(folder, options);
  const onSkipped = ({ path, reason }: { path: string; reason: string }): number => skipped.push(`${path}: ${reason}`);
  const files: string[] = [];
  for await (const { path } of walk({ ...options, folder, filter, onSkipped })) files.push(path);
  return { files, skipped };
}

describe("ignore files", () => {
  test("nested ones, the deeper over the higher, negations, anchors, and only in their own directory", async () => {
    const folder = temporaryFolder({
      ".gitignore": "*.log\n/only-here\nbuild/\n!keep.log\n",
      "a.log": "",
      "keep.log": "",
      "only-here": "",
      "build/x.ts": "",
      "sub/only-here": "",
      "sub/b.log": "",
      "sub/build/y.ts": "",
      "sub/.gitignore": "!b.log\nz.*\n",
      "sub/z.ts": "",
      "sub/deep/z.ts": "",
      "z.ts": "",
    });
    const { files } = await walked(folder);
    expect(files).toEqual([".gitignore", "keep.log", "sub/.gitignore", "sub/b.log", "sub/only-here", "z.ts"]);
  });

  test("what lies in an ignored directory cannot be brought back, as in git", async () => {
    const folder = temporaryFolder({
      ".gitignore": "out/\n!out/keep.ts\n",
      "out/keep.ts": "",
      "out/.gitignore": "!keep.ts",
    });
    expect((await walked(folder)).files).toEqual([".gitignore"]);
  });

  test(".repomemoryignore hides more, and brings back what git ignores", async () => {
    const folder = temporaryFolder({
      ".gitignore": "generated/\nvendor/\n",
      ".repomemoryignore": "!generated/\nfixtures/\n",
      "generated/api.ts": "",
      "vendor/v.ts": "",
      "fixtures/f.ts": "",
      "sub/fixtures/g.ts": "",
      "sub/.repomemoryignore": "h.ts\n",
      "sub/h.ts": "",
    });
    const { files } = await walked(folder);
    expect(files).toEqual([".gitignore", ".repomemoryignore", "generated/api.ts", "sub/.repomemoryignore"]);
  });

  test("git's global excludes file, by default and by configuration, and .git/info/exclude", async () => {
    const folder = temporaryFolder({ "a.swp": "", "b.tmp": "", "c.ts": "", "d.local": "" });
    writeFile(home, ".config/git/ignore", "*.swp\n");
    expect((await walked(folder)).files).toEqual(["b.tmp", "c.ts", "d.local"]);
    writeFile(home, ".gitconfig", "[core]\n\texcludesFile = ~/my-ignores\n");
    writeFile(home, "real-ignores", "*.tmp\n");
    symlinkSync(join(home, "real-ignores"), join(home, "my-ignores"));
    expect((await walked(folder)).files).toEqual(["a.swp", "c.ts", "d.local"]);
    git(folder, "init", "-q");
    writeFile(folder, ".git/info/exclude", "*.local\n");
    expect((await walked(folder)).files).toEqual(["a.swp", "c.ts"]);
  });

  test("a folder inside a repository, a linked work tree and an ignored folder that was named", async () => {
    const folder = temporaryFolder({
      ".gitignore": "*.log\n/sub/top.ts\nignored/\n",
      "sub/a.log": "",
      "sub/top.ts": "",
      "sub/b.ts": "",
      "sub/c.hid": "",
      "ignored/d.ts": "",
      "ignored/d.log": "",
    });
    git(folder, "init", "-q");
    writeFile(folder, ".git/info/exclude", "*.hid\n");
    expect((await walked(join(folder, "sub"))).files).toEqual(["b.ts"]);
    expect((await walked(join(folder, "ignored"))).files).toContain("d.ts");
    git(folder, "-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "--allow-empty", "-m", "first");
    const tree = join(temporaryFolder(), "tree");
    git(folder, "worktree", "add", "-q", tree);
    writeFile(tree, "x.hid", "");
    writeFile(tree, "x.ts", "");
    expect((await walked(realpathSync(tree))).files).toEqual(["x.ts"]);
  });

  test("dependencies and caches are left out unless a pattern brings them back", async () => {
    const files = {
      "node_modules/a/index.js": "",
      "src/node_modules/b.js": "",
      "__pycache__/x.py": "",
      "src/a.ts": "",
    };
    expect((await walked(temporaryFolder(files))).files).toEqual(["src/a.ts"]);
    const kept = temporaryFolder({ ...files, ".repomemoryignore": "!/node_modules/\n" });
    expect((await walked(kept)).files).toEqual([".repomemoryignore", "node_modules/a/index.js", "src/a.ts"]);
    expect((await walked(join(kept, "node_modules", "a"))).files).toEqual(["index.js"]);
  });

  const names = ["a", "b", "ab", "a.ts", "b.log", "d", "e f", "[x]", "é"];
  const patterns = [
    "a",
    "/a",
    "a/",
    "*.ts",
    "b*",
    "**/d",
    "d/**",
    "a/**/b",
    "!a",
    "!b.log",
    "!d/",
    "*",
    "!*/",
    "\\[x\\]",
    "[ab]",
    "e f",
    "#a",
    "a?",
    "d/*",
    "!d/a",
    " ",
    "*.log ",
    "é",
  ];

  test.each(Array.from({ length: 25 }, (_, seed) => seed))(
    "random patterns leave what git lists (seed %i)",
    async (seed) => {
      const random = seededRandom(seed);
      const folder = temporaryFolder();
      git(folder, "init", "-q");
      for (let i = 0; i < 40; i++) {
        const depth = 1 + randomInteger(random, 4);
        const path = Array.from({ length: depth }, () => randomChoice(random, names)).join("/");
        try {
          writeFile(folder, path, "text");
        } catch {
          // A file is where a directory was to be, or the other way round.
        }
      }
      for (const directory of ["", "a/", "d/", "a/d/"]) {
        const lines = Array.from({ length: randomInteger(random, 4) }, () => randomChoice(random, patterns));
        try {
          writeFile(folder, `${directory}.gitignore`, lines.join("\n"));
        } catch {
          // As above.
        }
      }
      const expected = git(folder, "ls-files", "-z", "--others", "--exclude-standard")
        .split("\0")
        .filter((path) => path !== "");
      expect((await walked(folder)).files.toSorted()).toEqual(expected.toSorted());
    },
  );
});

describe("what is skipped, and why", () => {
  test("by name and size", async () => {
    const folder = temporaryFolder({
      "package-lock.json": "{}",
      "a.min.js": "",
      "a.png": "",
      "big.ts": "x".repeat(2 ** 20 + 1),
      "limit.ts": "x".repeat(2 ** 20),
      ".env": "A=1",
    });
    expect(await walked(folder)).toEqual({
      files: ["limit.ts"],
      skipped: [
        ".env: matches the secrets list (.env)",
        "a.min.js: minified",
        "a.png: binary",
        "package-lock.json: lock file",
        "big.ts: larger than 1 MiB",
      ],
    });
    expect((await walked(folder, { maxFileBytes: 10 })).skipped).toContain("limit.ts: larger than 10 bytes");
  });

  test("links are not followed, in or out of the folder or in a circle", async () => {
    const outside = temporaryFolder({ "secret.ts": "secret" });
    const folder = temporaryFolder({ "a.ts": "", "sub/b.ts": "" });
    symlinkSync(outside, join(folder, "out"));
    symlinkSync(join(outside, "secret.ts"), join(folder, "out.ts"));
    symlinkSync(folder, join(folder, "sub", "circle"));
    symlinkSync("b.ts", join(folder, "sub", "same.ts"));
    const { files, skipped } = await walked(folder);
    expect(files).toEqual(["a.ts", "sub/b.ts"]);
    expect(skipped).toEqual([
      "out: symbolic link",
      "out.ts: symbolic link",
      "sub/circle: symbolic link",
      "sub/same.ts: symbolic link",
    ]);
  });

  test("pipes, and directories that may not be listed", async () => {
    const folder = temporaryFolder({ "a.ts": "", "closed/b.ts": "" });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    chmodSync(join(folder, "closed"), 0o000);
    const { files, skipped } = await walked(folder);
    chmodSync(join(folder, "closed"), 0o700);
    expect(skipped).toContain("pipe: not a regular file");
    // The superuser may list everything.
    const denied = process.getuid?.() === 0 ? [] : ["closed/: cannot be read (EACCES)"];
    expect(skipped).toEqual(expect.arrayContaining(denied));
    expect(files).toContain("a.ts");
  });
});

test("the order is that of the names, each directory in its place", async () => {
  const folder = temporaryFolder({ "b.ts": "", "a/z.ts": "", "a/B.ts": "", "a.ts": "", "c/d/e.ts": "", Z: "" });
  expect((await walked(folder)).files).toEqual(["Z", "a/B.ts", "a/z.ts", "a.ts", "b.ts", "c/d/e.ts"]);
});

test("a deep folder is walked, an empty one too", async () => {
  const folder = temporaryFolder();
  expect((await walked(folder)).files).toEqual([]);
  const deep = "d/".repeat(500);
  mkdirSync(join(folder, deep), { recursive: true });
  writeFile(folder, `${deep}x.ts`, "");
  expect((await walked(folder)).files).toEqual([`${deep}x.ts`]);
});
