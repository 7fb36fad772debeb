/** The files in memory as MCP resources. Only the store is read: what is not in memory cannot be reached, wherever it lies. */
import {
  ErrorCode,
  type ListResourcesResult,
  McpError,
  type ReadResourceResult,
  type ResourceTemplate,
} from "@modelcontextprotocol/sdk/types.js";
import { SecretList } from "../../ingest/secrets.ts";
import type { EngineApi } from "../../protocol/requests.ts";

/** A folder and the engine that remembers it. */
export interface Memory {
  folder: string;
  engine: () => Promise<EngineApi>;
  secretPatterns: readonly string[];
}

const SCHEME = "repo-memory:///";
/** Files on one page of the list. */
const PAGE = 500;
/** The protocol's own code, which the SDK has no name for. */
const RESOURCE_NOT_FOUND = -32_002;

/** The resource of a file, by its path in the folder. */
export function fileUri(path: string): string {
  return SCHEME + path.split("/").map(encodeURIComponent).join("/");
}

/** The path that a resource names as it stands: nothing is resolved. Undefined for what is no resource of ours. */
export function pathOf(uri: string): string | undefined {
  if (!uri.startsWith(SCHEME)) return undefined;
  try {
    return decodeURIComponent(uri.slice(SCHEME.length));
  } catch {
    return undefined;
  }
}

interface FileResources {
  list(cursor: string | undefined): Promise<ListResourcesResult>;
  templates(): ResourceTemplate[];
  read(uri: string): Promise<ReadResourceResult>;
}

/** Lists and reads the files in memory. A file that was read before it counted as secret is left out all the same. */
export function fileResources({ folder, engine, secretPatterns }: Memory): FileResources {
  const secrets = new SecretList(secretPatterns);
  return {
    async list(cursor) {
      const from = startOf(cursor);
      const files = (await (await engine()).files(folder)).filter(({ path }) => secrets.byName(path) === undefined);
      const resources = files.slice(from, from + PAGE).map(({ path, bytes }) => {
        return { uri: fileUri(path), name: path, mimeType: "text/plain", size: bytes };
      });
      return from + PAGE < files.length ? { resources, nextCursor: String(from + PAGE) } : { resources };
    },
    templates() {
      const description = "A file of the folder, as it was when it was read into memory last.";
      return [{ uriTemplate: `${SCHEME}{+path}`, name: "file", title: "File in memory", description }];
    },
    async read(uri) {
      const path = pathOf(uri);
      const isSecret = path === undefined || path === "" || isOdd(path) || secrets.byName(path) !== undefined;
      const text = isSecret ? undefined : await (await engine()).fileText(folder, path);
      if (text === undefined) throw new McpError(RESOURCE_NOT_FOUND, "No such file is in memory.", { uri });
      return { contents: [{ uri, mimeType: "text/plain", text }] };
    },
  };
}

/** Paths that no file in memory has; the list of secrets would refuse to judge them. */
function isOdd(path: string): boolean {
  return (
    path.includes("\0") || path.startsWith("/") || path.split(/[\\/]/).some((part) => part === ".." || part === ".")
  );
}

function startOf(cursor: string | undefined): number {
  const from = cursor === undefined ? 0 : Number(cursor);
  if (Number.isSafeInteger(from) && from >= 0) return from;
  throw new McpError(ErrorCode.InvalidParams, "The cursor is none of this server's.");
}
