/**
 * What the extension says to users, and in which languages: texts are taken out of the sources by their syntax, keys out of the manifest, and
 * both are compared with the translations. English is the key of a text in the sources, and has a file of its own for the manifest.
 */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Language, type Node, Parser } from "web-tree-sitter";

/** Languages besides English, as VS Code names them. */
export const TRANSLATED = ["de", "ja", "zh-cn"] as const;

/** Folders with code that speaks to users, and the functions that it speaks through there. */
const SPEAKING = { extension: /^(vscode\.)?l10n\.t$/, webview: /^t$/ };

/** A text that users see, and the first place that says it. */
interface Said {
  text: string;
  place: string;
}

/** Texts and translations of the whole extension. */
export interface Localisation {
  said: Said[];
  /** Calls whose text cannot be read from the source, as places: nobody can translate those. */
  unreadable: string[];
  /** Keys that the manifest names. */
  manifestKeys: string[];
  /** English of the manifest's keys. */
  manifest: Record<string, string>;
  /** By language: translations of the manifest's keys and of what is said in code. */
  translations: { language: string; manifest: Record<string, string>; code: Record<string, string> }[];
}

/** What is wrong: `broken` shows a user a key or nothing, `missing` shows English. Each a sentence for a developer. */
export interface LocalisationFaults {
  broken: string[];
  missing: string[];
}

/** Reads sources, manifest and translations under `root`. */
export async function readLocalisation(root: string): Promise<Localisation> {
  const json = (path: string): Record<string, string> => JSON.parse(readFileSync(join(root, path), "utf8"));
  const manifest = readFileSync(join(root, "package.json"), "utf8");
  const { said, unreadable } = await readSources(root);
  return {
    said,
    unreadable,
    manifestKeys: [...manifest.matchAll(/"%([^%"]+)%"/g)].flatMap(([, key]) => key ?? []),
    manifest: json("package.nls.json"),
    translations: TRANSLATED.map((language) => ({
      language,
      manifest: json(`package.nls.${language}.json`),
      code: json(`l10n/bundle.l10n.${language}.json`),
    })),
  };
}

/** Compares what is said with what is translated. */
export function faultsOf(all: Localisation): LocalisationFaults {
  const { said, unreadable, manifestKeys, manifest, translations } = all;
  const broken = [
    ...unreadable.map((place) => `${place}: the text must be one literal, so that it can be translated`),
    ...absent(manifestKeys, manifest).map((key) => `package.nls.json lacks "${key}"`),
    ...unused(manifest, manifestKeys).map((key) => `package.nls.json has "${key}", which the manifest does not name`),
  ];
  const missing: string[] = [];
  const texts = said.map(({ text }) => text);
  const english = Object.fromEntries(texts.map((text) => [text, text]));
  for (const { language, manifest: ofManifest, code } of translations) {
    const name = (file: string) => `${file}.${language}.json`;
    missing.push(...absent(Object.keys(manifest), ofManifest).map((key) => `${name("package.nls")} lacks "${key}"`));
    missing.push(...absent(texts, code).map((text) => `${name("bundle.l10n")} lacks "${text}"`));
    broken.push(...faultsOfOne(name("package.nls"), manifest, ofManifest));
    broken.push(...faultsOfOne(name("bundle.l10n"), english, code));
  }
  return { broken, missing };
}

function faultsOfOne(file: string, english: Record<string, string>, translated: Record<string, string>): string[] {
  const stale = unused(translated, Object.keys(english)).map((key) => `${file} has "${key}", which nothing says`);
  const places = Object.keys(english).filter(
    (key) => Object.hasOwn(translated, key) && placesIn(english[key]) !== placesIn(translated[key]),
  );
  return [...stale, ...places.map((key) => `${file}: other places for values than "${key}"`)];
}

function placesIn(text = ""): string {
  return [...new Set(text.match(/\{\w+\}/g))].toSorted().join(" ");
}

function absent(keys: readonly string[], from: Record<string, string>): string[] {
  return [...new Set(keys)].filter((key) => !Object.hasOwn(from, key) || from[key]?.trim() === "");
}

function unused(from: Record<string, string>, keys: readonly string[]): string[] {
  const known = new Set(keys);
  return Object.keys(from).filter((key) => !known.has(key));
}

async function readSources(root: string): Promise<Pick<Localisation, "said" | "unreadable">> {
  const parser = await tsxParser();
  const said = new Map<string, Said>();
  const unreadable: string[] = [];
  for (const [folder, speaks] of Object.entries(SPEAKING)) {
    for (const path of sourcesOf(root, folder)) {
      const tree = parser.parse(readFileSync(join(root, path), "utf8"));
      for (const call of tree?.rootNode.descendantsOfType("call_expression") ?? []) {
        if (!speaks.test(call.childForFieldName("function")?.text ?? "")) continue;
        const place = `${path}:${call.startPosition.row + 1}`;
        const text = literal(call.childForFieldName("arguments")?.namedChild(0) ?? undefined);
        if (text === undefined) unreadable.push(place);
        else if (!said.has(text)) said.set(text, { text, place });
      }
      tree?.delete();
    }
  }
  return { said: [...said.values()], unreadable };
}

function sourcesOf(root: string, folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
  return names.filter((name) => /\.tsx?$/.test(name)).map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

/** The value of a string without places for expressions; undefined for all else. */
function literal(node: Node | undefined): string | undefined {
  if (node?.type === "template_string") {
    const isPlain = node.descendantsOfType("template_substitution").length === 0;
    return isPlain ? node.text.slice(1, -1) : undefined;
  }
  if (node?.type !== "string") return undefined;
  const parts = node.namedChildren.map((part) => (part?.type === "escape_sequence" ? escaped(part.text) : part?.text));
  return parts.join("");
}

function escaped(sequence: string): string {
  const known: Record<string, string> = { n: "\n", t: "\t" };
  const code = /^\\u\{?([0-9a-fA-F]+)\}?$/.exec(sequence)?.[1];
  if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
  return known[sequence.slice(1)] ?? sequence.slice(1);
}

async function tsxParser(): Promise<Parser> {
  const { resolve } = createRequire(import.meta.url);
  await Parser.init({ locateFile: () => resolve("web-tree-sitter/web-tree-sitter.wasm") });
  return new Parser().setLanguage(await Language.load(resolve("@vscode/tree-sitter-wasm/wasm/tree-sitter-tsx.wasm")));
}
