import * as vscode from "vscode";
import { RepoMemoryError } from "../engine/protocol/errors.ts";
import type { AnswerEvent, CallContext } from "../engine/protocol/requests.ts";
import type { ProgressEvent } from "../engine/protocol/rpc.ts";
import type { MemoryView } from "../webview/protocol/messages.ts";
import { askParams } from "./chats/ask-params.ts";
import type { Chats } from "./chats/chats.ts";
import { tellMissing } from "./chats/tell-missing.ts";
import { openChats, type WindowChats } from "./chats/open-chats.ts";
import { workspaceLinks } from "./chats/workspace-links.ts";
import type { Conversation, Question } from "./conversation.ts";
import type { EngineClient } from "./engine-client.ts";
import { EngineProcess, type EngineState } from "./engine-process.ts";
import type { ReadByAnswer } from "./attention/read-by-answer.ts";
import { FolderMemory } from "./folder-memory.ts";
import { Observable } from "./observable.ts";
import { openFiles } from "./open-files.ts";
import { engineEnvironment, openParams, readsAutomatically } from "./settings.ts";

/** Under which the user's consent to a download is kept. */
const CONSENT_KEY = "mayDownload";

/** What one window has: the engine, the memory of each folder, the chat. Commands and views go through here. */
export class Host {
  readonly engine: EngineProcess;
  readonly chats: Chats;
  /** What the chats tell the pages that show them. */
  readonly onMessage: WindowChats["onMessage"];
  /** The list of chats, or something in it, is another. */
  readonly onChats: WindowChats["onChats"];
  readonly log: vscode.LogOutputChannel;
  /** The memory of the folder that questions go to, as the panel and the status bar show it. */
  readonly memory: Observable<MemoryView>;
  /** Whether a question was answered in this window. */
  readonly answered = new Observable(false);
  /** What the latest answer was read from. */
  readonly lastAnswer = new Observable<ReadByAnswer | undefined>(undefined);
  readonly #context: vscode.ExtensionContext;
  readonly #memories = new Map<string, FolderMemory>();
  #chosen: string | undefined;
  /** The reading of one folder after the other. */
  #round = new AbortController();

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel, engineFile: string) {
    this.#context = context;
    this.log = log;
    this.engine = new EngineProcess({
      entry: engineFile,
      log: (line) => log.info(line),
      onProgress: (event) => this.#progress(event),
      environment: engineEnvironment,
      openParams: () => ({ ...openParams(), mayDownload: context.globalState.get(CONSENT_KEY, false) }),
    });
    ({
      chats: this.chats,
      onMessage: this.onMessage,
      onChats: this.onChats,
    } = openChats(context, log, {
      ask: (question, { signal }) => this.#ask(question, signal),
      links: (turn) => workspaceLinks(this.folder(), this.client(), turn),
    }));
    this.memory = new Observable(this.#memoryView());
    // Ends with the extension; what belongs to one engine process ends with its client.
    context.subscriptions.push(
      this.engine.state.onChange((state) => this.#engineChanged(state)),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#foldersChanged()),
      // The folder that is asked about may be another editor's now.
      vscode.window.onDidChangeActiveTextEditor(() => this.#tellMemory()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.begin()),
    );
  }

  /** The chat that commands ask in. */
  get conversation(): Conversation {
    return this.chats.current.conversation;
  }

  /** Starts the engine where the workspace is trusted and holds a folder. Safe to call again. */
  begin(): void {
    this.#tellMemory();
    if (!vscode.workspace.isTrusted || !this.folder()) return;
    void this.engine.start();
  }

  /** Lets the engine fetch a model, from its next start on and whenever an interrupted download has to go on. */
  async allowDownload(): Promise<void> {
    await this.#context.globalState.update(CONSENT_KEY, true);
  }

  /** The folder that questions go to: the chosen one, else that of the active editor, else the first. */
  folder(): vscode.WorkspaceFolder | undefined {
    const folders = vscode.workspace.workspaceFolders ?? [];
    const active = vscode.window.activeTextEditor?.document.uri;
    const ofEditor = active && vscode.workspace.getWorkspaceFolder(active);
    return folders.find(({ uri }) => uri.fsPath === this.#chosen) ?? ofEditor ?? folders[0];
  }

  choose(folder: vscode.WorkspaceFolder): void {
    this.#chosen = folder.uri.fsPath;
    this.#tellMemory();
  }

  memoryOf(folder: vscode.WorkspaceFolder): FolderMemory {
    const path = folder.uri.fsPath;
    const known = this.#memories.get(path);
    if (known) return known;
    const memory = new FolderMemory(path, vscode.l10n);
    this.#memories.set(path, memory);
    memory.facts.onChange(() => this.#tellMemory());
    return memory;
  }

  /** The engine when it runs and is open; undefined otherwise. */
  client(): EngineClient | undefined {
    const state = this.engine.state.value;
    return state.kind === "ready" ? state.client : undefined;
  }

  /** Reads the current folder, starting the engine when it is off. */
  async read(): Promise<void> {
    const folder = this.folder();
    if (folder) await this.memoryOf(folder).read(await this.ready(), openFiles(folder));
  }

  async #readAll(client: EngineClient): Promise<void> {
    const { signal } = (this.#round = new AbortController());
    // One after the other: they share one processor. The user may have one wait, not the others with it.
    for (const folder of vscode.workspace.workspaceFolders ?? []) {
      if (signal.aborted) return;
      const memory = this.memoryOf(folder);
      if (readsAutomatically()) await memory.readUnlessPaused(client, openFiles(folder));
      else await memory.refresh(client);
    }
  }

  /** Stops the download that the folder's reading, or a question, waits for, and all that would begin it anew by itself. */
  stopDownload(memory: FolderMemory): void {
    this.#round.abort();
    memory.reset();
    this.client()?.stopDownload();
  }

  async *#ask(question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const folder = this.folder();
    if (!folder) throw new RepoMemoryError("usage", noFolder());
    const client = await this.ready(signal);
    const params = await askParams(folder, client, question);
    const context: Pick<CallContext, "signal"> = { signal };
    for await (const event of client.ask(params, context)) {
      if (event.type === "lookup") void tellMissing(folder, client, question.mentions).catch(this.#logError);
      if (event.type === "end") this.lastAnswer.set({ folder, lines: event.result.lines });
      yield event;
    }
    this.answered.set(true);
  }

  /** Waits until the engine is open; starts it when it is off. */
  async ready(signal?: AbortSignal): Promise<EngineClient> {
    if (!vscode.workspace.isTrusted) throw new RepoMemoryError("usage", notTrusted());
    // Also without a folder: models can be chosen before one is open.
    void this.engine.start();
    for (;;) {
      const state = this.engine.state.value;
      if (state.kind === "ready") return state.client;
      if (state.kind === "failed") throw state.error;
      await nextState(this.engine.state, signal);
    }
  }

  #engineChanged(state: EngineState): void {
    this.log.debug(`engine: ${state.kind}`);
    if (state.kind === "ready") this.#engineReady(state.client);
    if (state.kind === "stopped" || state.kind === "restarting")
      for (const each of this.#memories.values()) each.reset();
  }

  #engineReady(client: EngineClient): void {
    client.afterQuestion((folder) => void this.#memories.get(folder)?.refresh(client).catch(this.#logError));
    void this.#readAll(client).catch(this.#logError);
  }

  #foldersChanged(): void {
    const client = this.client();
    if (client) void this.#readAll(client).catch(this.#logError);
    else this.begin();
    this.#tellMemory();
  }

  #progress({ folder, progress }: ProgressEvent): void {
    if (folder !== undefined) this.#memories.get(folder)?.progress(progress);
  }

  #tellMemory(): void {
    this.memory.set(this.#memoryView());
  }

  #memoryView(): MemoryView {
    const folder = this.folder();
    const severalFolders = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
    if (!folder) return { ...new FolderMemory("", vscode.l10n).facts.value, folder: undefined, severalFolders };
    const { facts } = this.memoryOf(folder);
    const error = vscode.workspace.isTrusted ? facts.value.error : { ...notTrusted(), action: "trust" as const };
    return { ...facts.value, error, folder: folder.name, severalFolders };
  }

  readonly #logError = (error: unknown): void => {
    this.log.error(RepoMemoryError.from(error).message);
  };
}

function noFolder() {
  return {
    message: vscode.l10n.t("No folder is open."),
    meaning: vscode.l10n.t("Repo Memory answers from the files of an open folder."),
    remedy: vscode.l10n.t("Open a folder and ask again."),
  };
}

function notTrusted() {
  return {
    message: vscode.l10n.t("This workspace is not trusted."),
    meaning: vscode.l10n.t("Repo Memory reads no files of a workspace in restricted mode."),
    remedy: vscode.l10n.t("Trust the workspace to have it read."),
  };
}

function nextState(state: Observable<EngineState>, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      subscription.dispose();
      signal?.removeEventListener("abort", settle);
      if (signal?.aborted) reject(new RepoMemoryError("cancelled", { message: "Stopped." }));
      else resolve();
    };
    const subscription = state.onChange(settle);
    signal?.addEventListener("abort", settle);
  });
}
