/** Tables in Markdown whose rows name the tests that prove them: "`file` › title", several parted by ";" in the last column. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A row of such a table. */
export interface ProvenRow {
  /** The row's other cells. */
  cells: string[];
  proofs: Proof[];
}

interface Proof {
  file: string;
  title: string;
}

const PROOF = /`([^`]+\.(?:ts|tsx))` › (.+?)\s*(?=;\s*`|$)/g;

/** All rows but the heads, in order. */
export function provenRows(markdown: string): ProvenRow[] {
  const lines = markdown.split("\n").filter((line) => line.startsWith("|"));
  const body = lines.filter((line, index) => !isRule(line) && !isRule(lines[index + 1] ?? ""));
  return body.map((line) => {
    const cells = line
      .slice(1, line.lastIndexOf("|"))
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    const last = cells.at(-1) ?? "";
    const proofs = [...last.matchAll(PROOF)].map(([, file = "", title = ""]) => ({ file, title: title.trim() }));
    return { cells, proofs };
  });
}

/**
 * What is wrong with a row's proofs, each a sentence: a file or a test that is not there.
 * A test is there when its title stands in the file as the first argument of `test` or `it`.
 */
export function faultsOfProofs(root: string, { proofs }: ProvenRow): string[] {
  return proofs.flatMap(({ file, title }) => {
    const path = join(root, file);
    if (!existsSync(path)) return [`${file} is not there`];
    return hasTest(readFileSync(path, "utf8"), title) ? [] : [`${file} has no test "${title}"`];
  });
}

function hasTest(source: string, title: string): boolean {
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('"', String.raw`\\?"`);
  return new RegExp(String.raw`\b(?:test|it)(?:\.each\([\s\S]{0,2000}?\))?\(\s*["'\`]${literal}["'\`]`).test(source);
}

function isRule(line: string): boolean {
  return /^\|(\s*:?-+:?\s*\|)+$/.test(line);
}
