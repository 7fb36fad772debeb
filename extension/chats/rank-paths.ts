import type { Mention } from "../../webview/protocol/turn.ts";

type PathMention = Extract<Mention, { kind: "file" | "folder" }>;

/** Files and their folders that have the letters of `query` in this order, best first: in the name before in the path, short before long. */
export function rankPaths(paths: readonly string[], query: string): PathMention[] {
  const folders = new Set(paths.flatMap(foldersOf));
  const all: PathMention[] = [
    ...paths.map((path): PathMention => ({ kind: "file", path })),
    ...[...folders].map((path): PathMention => ({ kind: "folder", path })),
  ];
  const letters = query.toLowerCase();
  const ranked = all.flatMap((mention) => {
    const rank = rankOf(mention.path.toLowerCase(), letters);
    return rank === undefined ? [] : [{ mention, rank }];
  });
  const order = ranked.toSorted((a, b) => a.rank - b.rank || a.mention.path.length - b.mention.path.length);
  return order.map(({ mention }) => mention);
}

function rankOf(path: string, letters: string): number | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(letters)) return 0;
  if (name.includes(letters)) return 1;
  if (path.includes(letters)) return 2;
  return hasInOrder(path, letters) ? 3 : undefined;
}

function hasInOrder(path: string, letters: string): boolean {
  let at = 0;
  for (const letter of path) if (letter === letters.charAt(at)) at++;
  return at >= letters.length;
}

function foldersOf(path: string): string[] {
  const steps = path.split("/").slice(0, -1);
  return steps.map((_, index) => steps.slice(0, index + 1).join("/"));
}
