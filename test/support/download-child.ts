/** Downloads a file as the engine does, in a process of its own, whose environment says how: `download-child.ts URL PATH`. */
import { download } from "../../engine/models/download.ts";

const [url = "", path = ""] = process.argv.slice(2);
await download({ url, path, signal: new AbortController().signal, onProgress: () => {} });
