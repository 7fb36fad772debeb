import { posix } from "node:path";

/** Extensions of files that are never text, so that they need not be opened. */
const BINARY = new Set(
  (
    "png jpg jpeg gif webp bmp ico icns tif tiff avif heic psd ai eps mp3 mp4 m4a wav ogg flac mov avi mkv webm " +
    "zip gz tgz bz2 xz zst 7z rar jar war ear whl egg nupkg vsix apk ipa dmg iso deb rpm exe dll so dylib a o obj lib " +
    "class pyc pyo pyd wasm node bin dat db sqlite sqlite3 pdf doc docx xls xlsx ppt pptx odt ods odp woff woff2 ttf otf eot " +
    "onnx gguf safetensors pt pth ckpt npy npz h5 parquet arrow feather pkl pickle"
  ).split(" "),
);

/** Written by package managers; long, and never what a question is about. */
const LOCK_FILES = new Set([
  "package-lock.json",
  "npm-shrinkwrap.json",
  "yarn.lock",
  "pnpm-lock.yaml",
  "bun.lock",
  "bun.lockb",
  "deno.lock",
  "cargo.lock",
  "poetry.lock",
  "pdm.lock",
  "uv.lock",
  "pipfile.lock",
  "composer.lock",
  "gemfile.lock",
  "podfile.lock",
  "go.sum",
  "flake.lock",
  "mix.lock",
  "packages.lock.json",
  "gradle.lockfile",
]);

const MINIFIED_NAME = /[.-]min\.(?:m?js|css)$|\.(?:js|css|mjs|cjs)\.map$/i;
const MINIFIABLE = /\.(?:[cm]?js|css|html?|json|svg|xml)$/i;
/** Code that people wrote has shorter lines than this, on average; small files are read anyway. */
const MINIFIED_LINE = 400;
const MINIFIED_CHARACTERS = 8_192;

/** Where git looks for a NUL byte, too. */
const SNIFFED_BYTES = 8_000;
/** Text in an old encoding has some bytes that are not UTF-8; a binary file has many. */
const MAX_INVALID = 0.1;

/** Why a file is not worth reading, by its name. */
export function skipByName(path: string): string | undefined {
  const name = posix.basename(path).toLowerCase();
  if (LOCK_FILES.has(name)) return "lock file";
  if (MINIFIED_NAME.test(name)) return "minified";
  const extension = posix.extname(name).slice(1);
  return BINARY.has(extension) ? "binary" : undefined;
}

/** The text of a file's bytes without a byte order mark, or why there is none. */
export function decodeText(path: string, bytes: Uint8Array): { text: string } | { reason: string } {
  const utf16 = utf16Label(bytes);
  if (utf16 === undefined && bytes.subarray(0, SNIFFED_BYTES).includes(0)) return { reason: "binary" };
  const text = new TextDecoder(utf16 ?? "utf-8").decode(bytes);
  if (text.includes("\0") || invalidShare(text) > MAX_INVALID) return { reason: "binary" };
  return isMinified(path, text) ? { reason: "minified" } : { text };
}

function utf16Label(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : undefined;
}

function invalidShare(text: string): number {
  return text.length === 0 ? 0 : (text.split("\uFFFD").length - 1) / text.length;
}

function isMinified(path: string, text: string): boolean {
  if (!MINIFIABLE.test(path) || text.length < MINIFIED_CHARACTERS) return false;
  return text.length / text.split("\n").length > MINIFIED_LINE;
}
