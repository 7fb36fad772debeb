/** Which files of the same folder a file imports, as far as its text shows: a hint for the order of reading, nothing more. */
import { posix } from "node:path";

/** Only so much of a file is looked at: imports stand at its top. In UTF-16 units. */
const SCANNED = 32_768;
/** Imports of one file that are followed. */
const MOST_IMPORTS = 200;

const SCRIPT = [".ts", ".tsx", ".js", ".jsx", ".mts", ".cts", ".mjs", ".cjs", ".vue", ".svelte"];

/** A language's import statements and the paths that one may mean, relative to the folder. */
interface ImportRule {
  extensions: readonly string[];
  pattern: RegExp;
  targets: (specifier: string, directory: string) => string[];
}

const RULES: readonly ImportRule[] = [
  {
    extensions: SCRIPT,
    pattern: /(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'](\.{1,2}\/[^"'\n]*)["']/g,
    targets: (specifier, directory) => scriptTargets(posix.join(directory, specifier)),
  },
  {
    extensions: [".py", ".pyi"],
    pattern: /^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import|import[ \t]+([\w.]+))/gm,
    targets: pythonTargets,
  },
  {
    extensions: [".c", ".h", ".cc", ".cpp", ".cxx", ".hpp", ".hh"],
    pattern: /^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm,
    targets: (specifier, directory) => [posix.join(directory, specifier), specifier, `include/${specifier}`],
  },
  {
    extensions: [".rs"],
    pattern: /^[ \t]*(?:pub(?:\([^)\n]*\))?[ \t]+)?mod[ \t]+(\w+)[ \t]*;/gm,
    targets: (name, directory) => [posix.join(directory, `${name}.rs`), posix.join(directory, name, "mod.rs")],
  },
];

/** Paths that the file may import, relative to the folder; most of them do not exist. */
export function importedPaths(path: string, text: string): string[] {
  const rule = RULES.find(({ extensions }) => extensions.includes(posix.extname(path)));
  if (rule === undefined) return [];
  const directory = posix.dirname(path);
  const found = new Set<string>();
  for (const [index, match] of [...text.slice(0, SCANNED).matchAll(rule.pattern)].entries()) {
    if (index === MOST_IMPORTS) break;
    const specifier = match[1] ?? match[2] ?? "";
    for (const target of rule.targets(specifier, directory)) if (!target.startsWith("../")) found.add(target);
  }
  return [...found];
}

function scriptTargets(target: string): string[] {
  // TypeScript names the file that the compiler will write.
  const bare = target.replace(/\.[cm]?jsx?$/, "");
  const bases = bare === target ? [target] : [target, bare];
  const files = bases.flatMap((base) => SCRIPT.map((extension) => base + extension));
  return [target, ...files, ...SCRIPT.map((extension) => posix.join(target, `index${extension}`))];
}

/** Leading dots step up from the file's own package; other names start at the folder or at `src`. */
function pythonTargets(specifier: string, directory: string): string[] {
  const dots = /^\.*/.exec(specifier)?.[0].length ?? 0;
  const name = specifier.slice(dots).replaceAll(".", "/");
  const roots = dots > 0 ? [posix.join(directory, "../".repeat(dots - 1))] : ["", directory, "src"];
  return roots.flatMap((root) =>
    [`${name || "__init__"}.py`, `${name}/__init__.py`].map((file) => posix.join(root, file)),
  );
}
