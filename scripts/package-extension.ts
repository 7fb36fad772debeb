/** Makes the package of the extension for one platform: a folder with exactly what it needs, then vsce, then a look at what came out. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";
import { nativeFiles, type Target } from "./package-targets.ts";
import { type ZipEntry, zipEntries } from "./zip-entries.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const list = fileURLToPath(new URL("package-contents.txt", import.meta.url));

/** Fields of package.json that only the tree needs. */
const OF_THE_TREE = ["private", "scripts", "devDependencies", "dependencies", "allowScripts", "bin"];

/** Of the packages that are not bundled, all but their native files. They stand beside the bundles that load them. */
const PACKAGES = [
  "onnxruntime-node/package.json",
  "onnxruntime-node/dist",
  "onnxruntime-common/package.json",
  "onnxruntime-common/dist/cjs",
  "better-sqlite3/package.json",
  "better-sqlite3/LICENSE",
  "better-sqlite3/lib",
];

/**
 * Packages what `dist/` holds. @returns the path of the package
 * @throws Error when a file is missing, or the package holds what the list does not
 */
export async function packageExtension(target: Target, outFolder: string): Promise<string> {
  const stage = join(root, ".cache/package", target);
  rmSync(stage, { recursive: true, force: true });
  fill(stage, target);
  mkdirSync(outFolder, { recursive: true });
  const { version } = JSON.parse(readFileSync(join(stage, "package.json"), "utf8"));
  const packagePath = join(outFolder, `repo-memory-${target}-${version}.vsix`);
  await createVSIX({
    cwd: stage,
    target,
    packagePath,
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  const faults = compare(zipEntries(packagePath), target, readFileSync(list, "utf8"));
  if (faults.length > 0) throw new Error(`${packagePath} is not what it should be:\n  ${faults.join("\n  ")}`);
  return packagePath;
}

/** What is in the package and not in the list, and the other way round; each a sentence. */
export function compare(entries: readonly Pick<ZipEntry, "name">[], target: Target, contents: string): string[] {
  const lines = contents.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const natives = nativeFiles(target).map((file) => `extension/dist/node_modules/${file}`);
  const patterns = lines.flatMap((line) => (line === "{native}" ? natives : [line]));
  const tests = patterns.map((line) => ({ line, fits: fitting(line) }));
  const files = entries.map(({ name }) => name).filter((name) => !name.endsWith("/"));
  return [
    ...files.filter((name) => !tests.some(({ fits }) => fits.test(name))).map((name) => `${name} is not on the list`),
    ...tests.filter(({ fits }) => !files.some((name) => fits.test(name))).map(({ line }) => `${line} is missing`),
  ];
}

function fitting(line: string): RegExp {
  const parts = line.split("*").map((part) => part.replaceAll(/[.[\]()+?^${}|\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`);
}

function fill(stage: string, target: Target): void {
  const nls = readdirSync(root).filter((name) => /^package\.nls(\.[a-z-]+)?\.json$/.test(name));
  const media = ["icon.png", "activity-bar.svg", "walkthrough"].map((name) => `media/${name}`);
  for (const path of [".vscodeignore", "LICENSE", "CHANGELOG.md", "l10n", "dist", ...media, ...nls])
    take(join(root, path), join(stage, path));
  writeFileSync(join(stage, "README.md"), withPictures(readFileSync(join(root, "docs/extension.md"), "utf8")));
  const modules = join(root, "node_modules");
  for (const path of [...PACKAGES, ...nativeFiles(target)])
    take(join(modules, path), join(stage, "dist/node_modules", path));
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const field of OF_THE_TREE) delete manifest[field];
  writeFileSync(join(stage, "package.json"), JSON.stringify(manifest, undefined, 2));
}

/** The extension's page in VS Code shows pictures from the web or from the page itself, and these are on no web server. */
function withPictures(markdown: string): string {
  return markdown.replaceAll(/\]\((pictures\/[\w-]+\.png)\)/g, (_, path: string) => {
    return `](data:image/png;base64,${readFileSync(join(root, "docs", path)).toString("base64")})`;
  });
}

function take(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`${from} is missing: run "npm ci" and "npm run -s build".`);
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}
