/** What a question can be about, in words. */
import { splitPath } from "./format.ts";
import { t } from "./l10n.ts";
import { rangeText } from "./place.ts";
import type { Mention } from "./protocol/turn.ts";

/** What can be mentioned in every workspace; the rest is looked up by the extension. */
export const GENERAL: readonly Mention[] = [{ kind: "editors" }, { kind: "problems" }, { kind: "changes" }];

/** A mention's icon, its name, and where it is. */
export function describe(mention: Mention): { icon: string; name: string; detail: string } {
  switch (mention.kind) {
    case "file":
    case "folder": {
      const { folder, name } = splitPath(mention.path);
      return { icon: mention.kind, name, detail: folder.replace(/\/$/, "") };
    }
    case "symbol":
      return { icon: "symbol-method", name: mention.name, detail: rangeText(mention) };
    case "selection":
      return { icon: "list-selection", name: t("Selection"), detail: rangeText(mention) };
    case "editors":
      return { icon: "files", name: t("Open editors"), detail: t("files that are open") };
    case "problems":
      return { icon: "warning", name: t("Problems"), detail: t("errors and warnings") };
    case "changes":
      break;
  }
  return { icon: "git-compare", name: t("Uncommitted changes"), detail: t("what Git sees as changed") };
}

/** What stands in the question for a mention, so that its sentence stays whole: a name; nothing for what has none. */
export function wording(mention: Mention): string {
  if (mention.kind === "file" || mention.kind === "folder") return `${mention.path} `;
  return mention.kind === "symbol" ? `${mention.name} ` : "";
}

/** What is being typed before the cursor that can be completed: `@` and letters, or `/` and letters as the first word. */
export function triggerBefore(text: string): { kind: "mention" | "command"; query: string; start: number } | undefined {
  const command = /^\/(\w*)$/.exec(text);
  if (command) return { kind: "command", query: command[1] ?? "", start: 0 };
  const mention = /(?:^|\s)@([^\s@]{0,100})$/.exec(text);
  if (!mention) return undefined;
  const query = mention[1] ?? "";
  return { kind: "mention", query, start: text.length - query.length - 1 };
}

/** What `/` can begin a question with, each with what it is for. */
export function commands(): { name: string; detail: string }[] {
  return [
    { name: "/explain", detail: t("What something is, where it comes from, who uses it") },
    { name: "/where", detail: t("Where something is defined and used") },
    { name: "/impact", detail: t("What breaks if this changes") },
    { name: "/tests", detail: t("Write tests in the style of this repository's own") },
    { name: "/doc", detail: t("Write its documentation") },
  ];
}
