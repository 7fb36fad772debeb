/**
 * The packages that the shipped projections are trained on, to the version: several languages, permissive licences, and none that
 * an evaluation reads. Each is fetched with its registry's ordinary client, once a machine; where a client is missing, its packages are.
 */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runProgram } from "../../engine/models/run-program.ts";
import { languageOf } from "../../engine/ingest/definition-queries.ts";
import type { Project } from "../../engine/training/sources.ts";

/** The client that fetches a package, and how it is asked for it. */
interface TrainingPackage {
  client: "npm" | "pip" | "cargo" | "go" | "mvn";
  /** As the client writes it: `name@version`, `name==version`, `group:name:version`. */
  requirement: string;
  /** Folder in the package that is read, where not all of it is. */
  from?: string;
  /** Nothing is learnt from it. */
  heldOut?: true;
}

export const TRAINING_PACKAGES: readonly TrainingPackage[] = [
  { client: "npm", requirement: "lodash@4.17.21" },
  { client: "npm", requirement: "ramda@0.30.1", from: "src" },
  { client: "npm", requirement: "eslint@9.15.0", from: "lib" },
  { client: "npm", requirement: "three@0.170.0", from: "src" },
  { client: "npm", requirement: "mongodb@6.11.0", from: "src" },
  { client: "npm", requirement: "ethers@6.13.4", from: "src.ts" },
  { client: "npm", requirement: "mathjs@13.2.3", from: "lib/esm" },
  { client: "npm", requirement: "typeorm@0.3.20" },
  { client: "npm", requirement: "@grpc/grpc-js@1.12.2", from: "src" },
  { client: "npm", requirement: "sequelize@6.37.5", from: "lib", heldOut: true },
  { client: "npm", requirement: "bson@6.10.0", from: "src", heldOut: true },
  { client: "npm", requirement: "react-native@0.72.17", from: "ReactCommon" },
  { client: "npm", requirement: "react-native@0.72.17", from: "ReactAndroid" },
  { client: "npm", requirement: "usb@2.14.0", from: "libusb", heldOut: true },
  { client: "pip", requirement: "sqlalchemy==2.0.36" },
  { client: "pip", requirement: "networkx==3.4.2" },
  { client: "pip", requirement: "django==5.1.4" },
  { client: "pip", requirement: "nltk==3.9.1" },
  { client: "pip", requirement: "paramiko==3.5.0" },
  { client: "pip", requirement: "twisted==24.11.0" },
  { client: "pip", requirement: "tornado==6.4.2", heldOut: true },
  { client: "pip", requirement: "pybind11==2.13.6" },
  { client: "pip", requirement: "nanobind==2.2.0" },
  { client: "cargo", requirement: "tokio@1.42.0" },
  { client: "cargo", requirement: "regex-automata@0.4.9" },
  { client: "cargo", requirement: "clap_builder@4.5.21" },
  { client: "cargo", requirement: "ndarray@0.16.1", heldOut: true },
  { client: "go", requirement: "golang.org/x/tools@v0.28.0" },
  { client: "go", requirement: "k8s.io/apimachinery@v0.31.3" },
  { client: "go", requirement: "github.com/gin-gonic/gin@v1.10.0", heldOut: true },
  { client: "mvn", requirement: "com.google.guava:guava:33.3.1-jre" },
  { client: "mvn", requirement: "org.springframework:spring-core:6.2.0" },
  { client: "mvn", requirement: "org.apache.commons:commons-lang3:3.17.0", heldOut: true },
];

/** A package's folder on disk. */
export interface TrainingCorpus extends Project {
  heldOut: boolean;
}

/**
 * Fetches what is not there yet.
 * @param dataDir where packages are kept between runs
 * @param tell hears of packages that could not be had
 */
export async function openTrainingCorpora(dataDir: string, tell: (text: string) => void): Promise<TrainingCorpus[]> {
  const corpora: TrainingCorpus[] = [];
  for (const source of TRAINING_PACKAGES) {
    const name =
      source.requirement.replace(/(?:@v?|==|:)\d.*$/, "") + (source.from === undefined ? "" : `/${source.from}`);
    const key = createHash("sha256").update(`${source.requirement} ${source.from}`).digest("hex").slice(0, 16);
    const folder = join(dataDir, "training", key);
    try {
      if (!existsSync(folder)) await fetchInto(folder, source);
      corpora.push({ name, folder, heldOut: source.heldOut === true });
    } catch (error) {
      tell(`${source.requirement} is left out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return corpora;
}

/** Keeps a package's sources in `folder`, which is there only when it is whole. */
async function fetchInto(folder: string, source: TrainingPackage): Promise<void> {
  mkdirSync(join(folder, ".."), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    const unpacked = join(await CLIENTS[source.client](source.requirement, work), source.from ?? "");
    const kept = join(work, "kept");
    cpSync(unpacked, kept, {
      recursive: true,
      filter: (path) => statSync(path).isDirectory() || languageOf(path) !== undefined,
    });
    renameSync(kept, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Each client's way: fetches a package below `work` and says where its files are. */
const CLIENTS: Record<TrainingPackage["client"], (requirement: string, work: string) => Promise<string>> = {
  async npm(requirement, work) {
    const npm = process.env["npm_execpath"];
    const client = npm === undefined ? ["npm"] : [process.execPath, npm];
    await run([...client, "pack", "--silent", "--ignore-scripts", "--pack-destination", work, requirement], work);
    await run(["tar", "-xzf", onlyFile(work), "-C", work], work);
    return join(work, "package");
  },
  async pip(requirement, work) {
    const options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"];
    await run(["python3", "-m", "pip", "download", ...options, "--dest", work, requirement], work);
    return unzip(work);
  },
  async cargo(requirement, work) {
    const [name = "", version = ""] = requirement.split("@");
    mkdirSync(join(work, "src"));
    writeFileSync(join(work, "src/lib.rs"), "");
    const manifest = `[package]\nname = "fetch"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n${name} = "=${version}"\n`;
    writeFileSync(join(work, "Cargo.toml"), manifest);
    await run(["cargo", "vendor", "--quiet", "vendored"], work);
    return join(work, "vendored", name);
  },
  async go(requirement, work) {
    writeFileSync(join(work, "go.mod"), "module fetch\n");
    const output = await run(["go", "mod", "download", "-json", requirement], work);
    const folder = /"Dir":\s*"([^"]+)"/.exec(output)?.[1];
    if (folder === undefined) throw new Error("go named no folder");
    cpSync(folder, join(work, "module"), { recursive: true });
    await run(["chmod", "-R", "u+w", join(work, "module")], work);
    return join(work, "module");
  },
  async mvn(requirement, work) {
    const artifact = `-Dartifact=${requirement}:jar:sources`;
    await run(["mvn", "-q", "-B", "dependency:copy", artifact, `-DoutputDirectory=${work}`], work);
    return unzip(work);
  },
};

async function unzip(work: string): Promise<string> {
  const into = join(work, "unpacked");
  await run(["python3", "-m", "zipfile", "-e", onlyFile(work), into], work);
  return into;
}

function onlyFile(folder: string): string {
  const [file] = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  if (file === undefined) throw new Error("the client fetched nothing");
  return join(folder, file.name);
}

async function run([program = "", ...args]: string[], cwd: string): Promise<string> {
  const signal = new AbortController().signal;
  const { code, output } = await runProgram(program, args, { cwd, env: process.env, signal });
  if (code !== 0) throw new Error(`${program} ${args[0]} failed: ${output.trim().slice(-300)}`);
  return output;
}
