/** `@repo` in VS Code's own chat: answers from the memory, with the editor's own citations. */
import * as vscode from "vscode";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { AskParams, AskResult, Coverage, LineRange, Progress } from "../../engine/protocol/requests.ts";
import { explanationOf } from "../explain/explain-command.ts";
import { explainTarget } from "../explain/explain-target.ts";
import type { Host } from "../host.ts";
import { pathIn } from "../open-files.ts";
import { maxAnswerTokens, memoryStrategy } from "../settings.ts";
import { remedy } from "../status/actions.ts";
import { toldText } from "../status/told-error.ts";
import { citations, errorCard, readSoFar } from "../view-model.ts";
import { abortSignal } from "./abort-signal.ts";
import { AnswerText } from "./answer-text.ts";
import { folderOf, historyOf, questionOf, subjectOf } from "./chat-request.ts";
import { locationOf, placeName } from "./place.ts";
import { writePart } from "./write-part.ts";

/** The participant's id in package.json. */
const PARTICIPANT = "repo-memory.repo";

/** Sources below an answer. */
const SHOWN_SOURCES = 3;

/** Places that `/where` lists. */
const PLACES = 8;

/** What answering takes of the window. */
type Window = Pick<Host, "folder" | "ready" | "log">;

/** What answering takes of a request. */
type Request = Pick<vscode.ChatRequest, "prompt" | "command" | "references">;

/** One question: what it is about, where the answer goes, how it is cancelled. */
interface Question {
  host: Window;
  folder: vscode.WorkspaceFolder;
  request: Request;
  context: vscode.ChatContext;
  stream: vscode.ChatResponseStream;
  signal: AbortSignal;
}

/** What a result keeps for its follow-ups. */
interface Kept {
  /** The best source. */
  path?: string;
}

/** Registers the participant that package.json declares. */
export function registerParticipant(host: Host, extension: vscode.Uri): vscode.Disposable {
  const participant = vscode.chat.createChatParticipant(PARTICIPANT, (request, context, stream, token) =>
    respond(host, request, context, stream, token),
  );
  participant.iconPath = vscode.Uri.joinPath(extension, "media/icon.png");
  participant.followupProvider = { provideFollowups: followUps };
  return participant;
}

/** Answers one request. What goes wrong is told in the chat, with a button that helps. */
export async function respond(
  host: Window,
  request: Request,
  context: vscode.ChatContext,
  stream: vscode.ChatResponseStream,
  token: vscode.CancellationToken,
): Promise<vscode.ChatResult> {
  try {
    const folder = folderOf(request, host.folder());
    if (!folder) throw new RepoMemoryError("usage", noFolder());
    const question = { host, folder, request, context, stream, signal: abortSignal(token) };
    const kept: Kept = request.command === "where" ? await where(question) : await answer(question);
    return { metadata: { ...kept } };
  } catch (thrown) {
    return failed(host, thrown, stream);
  }
}

/** What to ask next, about the file that the answer was taken from most. */
export function followUps({ metadata, errorDetails }: vscode.ChatResult): vscode.ChatFollowup[] {
  const path: unknown = metadata?.["path"];
  if (errorDetails || typeof path !== "string") return [];
  return [
    { prompt: vscode.l10n.t("Where is this tested?"), command: "where" },
    { prompt: vscode.l10n.t("What else uses {0}?", path), command: "where" },
    { prompt: vscode.l10n.t("What is {0} for?", path) },
  ];
}

async function answer({ host, folder, request, context, stream, signal }: Question): Promise<Kept> {
  stream.progress(vscode.l10n.t("Looking through the memory of {0}", folder.name));
  const client = await host.ready(signal);
  const isExplain = request.command === "explain" && request.prompt.trim() === "";
  const params: AskParams = {
    folder: folder.uri.fsPath,
    maxTokens: maxAnswerTokens(),
    ...memoryStrategy(),
    ...(await subjectOf(request, folder)),
    ...(isExplain
      ? await explanation(host, request, folder)
      : {
          question: questionOf(request.prompt, vscode.l10n.t("What is this repository for?")),
          history: historyOf(context),
        }),
  };
  const text = new AnswerText();
  let result: AskResult | undefined;
  for await (const event of client.ask(params, { signal, onProgress: told(stream) })) {
    if (event.type === "token") for (const part of text.push(event.text)) await writePart(stream, folder, part);
    if (event.type === "end") ({ result } = event);
  }
  for (const part of text.end()) await writePart(stream, folder, part);
  const sources = citations(result?.citations ?? []);
  await cite(stream, folder, sources);
  noteCoverage(stream, result?.coverage);
  return best(sources);
}

/** All sources as the editor's references, which it may fold away; the best of them also below the answer. */
async function cite(
  stream: vscode.ChatResponseStream,
  folder: vscode.WorkspaceFolder,
  sources: readonly LineRange[],
): Promise<void> {
  let shown = 0;
  for (const source of sources) {
    const location = await locationOf(folder, source);
    if (!location) continue;
    stream.reference(location);
    if (shown === SHOWN_SOURCES) continue;
    stream.markdown(shown++ === 0 ? `\n\n${vscode.l10n.t("Sources:")} ` : " ");
    stream.anchor(location, placeName(source));
  }
}

/** Lists places instead of answering: quick, and nothing in it is made up. */
async function where({ host, folder, request, context, stream, signal }: Question): Promise<Kept> {
  stream.progress(vscode.l10n.t("Looking through the memory of {0}", folder.name));
  const client = await host.ready(signal);
  const question = questionOf(request.prompt, "");
  if (question === "") throw new RepoMemoryError("usage", { message: vscode.l10n.t("Say what to look for.") });
  const history = historyOf(context);
  const asked = { folder: folder.uri.fsPath, question, history, top: PLACES, text: true };
  const { blocks, coverage } = await client.recall(asked, { signal, onProgress: told(stream) });
  if (blocks.length === 0) stream.markdown(vscode.l10n.t("Nothing in the memory fits."));
  for (const block of blocks) {
    const location = await locationOf(folder, block);
    if (!location) continue;
    stream.markdown("\n1. ");
    stream.anchor(location, placeName(block));
    stream.markdown(` ${firstLine(block.text ?? "")}`);
  }
  noteCoverage(stream, coverage);
  return best(blocks);
}

/** The line that a passage begins with, as code. */
function firstLine(text: string): string {
  const line = text.split(/\r?\n/).find((each) => /\w/.test(each)) ?? "";
  return line === "" ? "" : `\`${line.trim().replaceAll("`", "'").slice(0, 100)}\``;
}

function best([first]: readonly LineRange[]): Kept {
  return first ? { path: first.path } : {};
}

/** Tells of a reading that the question waits for, each tenth of it. */
function told(stream: vscode.ChatResponseStream): (progress: Progress) => void {
  let last = -1;
  return ({ phase, done, total }) => {
    const tenth = total > 0 ? Math.floor((10 * done) / total) : 0;
    if (tenth === last) return;
    last = tenth;
    const percent = 10 * tenth;
    if (phase === "ingest") stream.progress(vscode.l10n.t("Reading: {0} %", percent));
    else stream.progress(vscode.l10n.t("Preparing the model: {0} %", percent));
  };
}

function noteCoverage(stream: vscode.ChatResponseStream, coverage: Coverage | undefined): void {
  const share = readSoFar(coverage);
  if (share === undefined) return;
  stream.markdown(`\n\n_${vscode.l10n.t("{0} % of the folder was read so far.", Math.floor(100 * share))}_`);
}

/** What the model is asked about the code that is attached, or that the editor in front shows or has selected. */
async function explanation(host: Window, request: Request, folder: vscode.WorkspaceFolder) {
  const attached = request.references.map(({ value }) => value).find((value) => value instanceof vscode.Location);
  const editor = vscode.window.activeTextEditor;
  const document = attached ? await vscode.workspace.openTextDocument(attached.uri) : editor?.document;
  const range = attached?.range ?? editor?.selection;
  const isOurs = document && pathIn(folder, document.uri) !== undefined;
  const target = isOurs && range ? explainTarget(folder, document, range) : undefined;
  if (!document || !target) throw new RepoMemoryError("usage", nothingToExplain());
  return explanationOf(host, folder, document, target);
}

function failed(host: Window, thrown: unknown, stream: vscode.ChatResponseStream): vscode.ChatResult {
  const error = RepoMemoryError.from(thrown);
  if (error.code === "cancelled") return {};
  host.log.error(`${error.code}: ${error.message}`);
  const action = vscode.workspace.isTrusted ? errorCard(error, vscode.l10n).action : "trust";
  if (action !== undefined) {
    const { label, command } = remedy(action, vscode.l10n);
    stream.button({ title: label, command });
  }
  return { errorDetails: { message: toldText(error, vscode.l10n) } };
}

function nothingToExplain() {
  return {
    message: vscode.l10n.t("There is nothing to explain."),
    remedy: vscode.l10n.t("Put the cursor on a name in a file of the workspace, or select the code to explain."),
  };
}

function noFolder() {
  return {
    message: vscode.l10n.t("No folder is open."),
    meaning: vscode.l10n.t("Repo Memory answers from the files of an open folder."),
    remedy: vscode.l10n.t("Open a folder and ask again."),
  };
}
