/** Where a repository keeps its tests: the test file that is nearest to a source, and a new one's path beside it. */

/** How a test file's name says that it is one: words before and behind the source's own name. */
interface Naming {
  before: string;
  behind: string;
}

const NAMINGS: readonly [RegExp, (found: RegExpExecArray) => Naming][] = [
  [/^(.+?)([._-](?:test|spec|tests|specs))$/i, ([, , behind = ""]) => ({ before: "", behind })],
  [/^((?:test|spec)[._-])(.+)$/i, ([, before = ""]) => ({ before, behind: "" })],
  [/^(.+?)(Tests?|Spec)$/, ([, , behind = ""]) => ({ before: "", behind })],
];

interface PathParts {
  folders: string[];
  stem: string;
  extension: string;
}

/** Whether a path is that of a test. */
export function isTestFile(path: string): boolean {
  const { folders, stem } = parts(path);
  return namingOf(stem) !== undefined || folders.includes("__tests__");
}

/** The test file that is nearest to `source` among `paths`: of its kind, and by its folders; the source's own test before all. */
export function nearestTest(source: string, paths: readonly string[]): string | undefined {
  const own = parts(source);
  const candidates = paths.filter(
    (path) => path !== source && isTestFile(path) && isOfOneKind(parts(path).extension, own.extension),
  );
  const scored = candidates.map((path) => ({ path, score: nearness(parts(path), own) }));
  return scored.sort((a, b) => b.score - a.score || (a.path < b.path ? -1 : 1))[0]?.path;
}

/** Where the test of `source` goes: beside the nearest test, named like it. */
export function testPathFor(source: string, nearest: string): string {
  const [{ stem }, { folders, stem: like, extension }] = [parts(source), parts(nearest)];
  const { before, behind } = namingOf(like) ?? { before: "", behind: "" };
  return [...folders, `${before}${stem}${behind}${extension}`].join("/");
}

/** How `from` imports `to`, both relative to the folder: "../src/a.ts". */
export function relativeImport(from: string, to: string): string {
  const [own, other] = [from.split("/").slice(0, -1), to.split("/")];
  const shared = own.findIndex((folder, i) => folder !== other[i]);
  const common = shared < 0 ? own.length : shared;
  const up = own.slice(common).map(() => "..");
  return [...(up.length > 0 ? up : ["."]), ...other.slice(common)].join("/");
}

/**
 * How a new test begins, after the nearest one: what that takes from packages, our subject in place of its own, and the words that
 * its first test begins with. "" where nothing of that can be told.
 */
export function testOpening(
  nearest: { path: string; text: string },
  subject: { name: string; path: string },
  path: string,
): string {
  const lines = nearest.text.split(/\r\n|\r|\n/);
  const packages = lines.filter((line) => isPackageImport(line) && !line.includes("./"));
  const own = lines.find((line) => /^\s*import\b.*from\s+["']\.{1,2}\//.test(line));
  const imported = own === undefined ? [] : [importLike(own, subject, path)];
  const begins = lines.flatMap(
    (line) =>
      /^\s*(?:(?:test|it|describe|suite)(?=\(|\.)|assert\w*(?=[.(])|expect(?=\()|(?:async )?def test_|func Test|fn test_)/.exec(
        line,
      )?.[0] ?? [],
  );
  const head = [...packages, ...imported];
  if (head.length === 0 && begins.length === 0) return "";
  return `${head.join("\n")}${head.length > 0 ? "\n\n" : ""}${(begins[0] ?? "").trim()}`;
}

function isPackageImport(line: string): boolean {
  return /^(?:import\b|from\s+[a-z]|use\s|using\s|#include\s*<|const\s.*=\s*require\()/.test(line);
}

/** `import { x } from "../src/x.ts";` with another name and path; a file extension is written where the nearest test does. */
function importLike(line: string, { name, path: source }: { name: string; path: string }, path: string): string {
  const isFull = /\.\w+["'];?\s*$/.test(line);
  const target = relativeImport(path, source);
  const wanted = isFull ? target : target.replace(/\.[^./]+$/, "");
  const quote = line.includes("'") ? "'" : '"';
  return `import { ${name} } from ${quote}${wanted}${quote}${line.trimEnd().endsWith(";") ? ";" : ""}`;
}

function nearness(test: PathParts, source: PathParts): number {
  const isOwn = test.stem.toLowerCase().includes(source.stem.toLowerCase()) ? 100 : 0;
  const shared = source.folders.filter((folder) => test.folders.includes(folder)).length;
  return isOwn + shared - Math.abs(test.folders.length - source.folders.length) / 10;
}

/** TypeScript is tested in TypeScript or JavaScript, with or without JSX; all else in itself. */
function isOfOneKind(a: string, b: string): boolean {
  const family = (extension: string) => (/^\.[cm]?[jt]sx?$/.test(extension) ? ".js" : extension);
  return family(a) === family(b);
}

function namingOf(stem: string): Naming | undefined {
  for (const [pattern, naming] of NAMINGS) {
    const found = pattern.exec(stem);
    if (found) return naming(found);
  }
  return undefined;
}

function parts(path: string): PathParts {
  const folders = path.split("/");
  const name = folders.pop() ?? "";
  const dot = name.lastIndexOf(".");
  return dot <= 0
    ? { folders, stem: name, extension: "" }
    : { folders, stem: name.slice(0, dot), extension: name.slice(dot) };
}
