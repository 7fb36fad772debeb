/** The engine's errors in the editor's words, for all that tells of them. Knows nothing of VS Code. */
import { type ErrorCode, RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { Localisation } from "./figures.ts";

/** What happened, what it means and what to do, as a user of the editor is told. */
export type ToldError = Pick<RepoMemoryError, "code" | "message" | "meaning" | "remedy">;

/**
 * Any thrown value in the words of the editor. The engine speaks English, and to the command line as well: its commonest errors
 * are said here by their code in the user's language, what happened aside, and no remedy names a flag or a command.
 */
export function toldError(thrown: unknown, l10n: Localisation): ToldError {
  const error = RepoMemoryError.from(thrown);
  const { code, message, meaning, remedy } = error;
  return { code, message, meaning, remedy: withoutFlags(remedy), ...byCode[code]?.(error, l10n) };
}

/** The same as one text. */
export function toldText(thrown: unknown, l10n: Localisation): string {
  const { message, meaning, remedy } = toldError(thrown, l10n);
  return [message, meaning, remedy].filter((sentence) => sentence !== "").join(" ");
}

/** The means of the terminal, and what does the same in the editor. */
const inEditor: readonly [RegExp, string][] = [
  [/(?: with|:) --model FILE/g, " in the setting repoMemory.model"],
  [/Ask without --strategy/g, "Choose another one in the setting repoMemory.strategy"],
  [/\(HTTPS_PROXY\)/g, "(setting http.proxy)"],
  [/\bIngest the folder again/g, "Read the folder again"],
  [/\bthen ingest again/g, "then read the folder again"],
];

function withoutFlags(remedy: string): string {
  return inEditor.reduce((text, [flag, setting]) => text.replace(flag, setting), remedy);
}

type InOurWords = (error: RepoMemoryError, l10n: Localisation) => Partial<ToldError>;

const byCode: Partial<Record<ErrorCode, InOurWords>> = {
  "model-not-found": ({ message, remedy }, l10n) => ({
    ...(message === "There is no model on this machine yet." && {
      message: l10n.t("There is no model on this machine yet."),
    }),
    meaning: l10n.t("Repo Memory needs a language model to read and answer with. It runs on this machine."),
    remedy: modelRemedy(remedy, l10n),
  }),
  "model-unsupported": ({ message }, l10n) => {
    if (!message.startsWith("The strategy ")) return {};
    return { remedy: l10n.t("Choose another strategy in the setting repoMemory.strategy, or another model.") };
  },
  "download-failed": (_, l10n) => ({
    meaning: l10n.t("The model could not be downloaded. What can be used of it is kept."),
    remedy: l10n.t(
      "Check the network and the proxy (setting http.proxy) and try again, or choose another model or a file on this machine.",
    ),
  }),
  "disk-full": (_, l10n) => ({
    meaning: l10n.t("What was there before is kept."),
    remedy: l10n.t(
      "Free some space, choose a smaller model, or forget folders that you no longer need. Then try again.",
    ),
  }),
  "folder-not-found": (_, l10n) => ({
    meaning: l10n.t("Nothing of this folder can be read."),
    remedy: l10n.t("Check that the folder is there and may be read, then try again."),
  }),
  cancelled: (_, l10n) => ({ message: l10n.t("Stopped."), meaning: "", remedy: "" }),
};

/** A remedy that offers a model says which, and how large it is. */
function modelRemedy(remedy: string, l10n: Localisation): string {
  const [, name, size] = /^Download (.+?) \((?:about )?([^()]+)\),/.exec(remedy) ?? [];
  if (name !== undefined && size !== undefined)
    return l10n.t("Download {0} ({1}), or choose another model or a file on this machine.", name, size);
  return l10n.t(
    "Choose a model to download, or a file on this machine. If a download failed, check the network and the proxy (setting http.proxy).",
  );
}
