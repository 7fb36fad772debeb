import * as vscode from "vscode";
import { RepoMemoryError } from "../engine/protocol/errors.ts";
import type { AnswerEvent, AskParams, CallContext } from "../engine/protocol/requests.ts";
import type { ProgressEvent } from "../engine/protocol/rpc.ts";
import type { HostMessage, MemoryView, Turn } from "../webview/protocol/messages.ts";
import { Conversation, type Question } from "./conversation.ts";
import type { EngineClient } from "./engine-client.ts";
import { EngineProcess, type EngineState } from "./engine-process.ts";
import { FolderMemory } from "./folder-memory.ts";
import { Observable } from "./observable.ts";
import { openFiles } from "./open-files.ts";
import { maxAnswerTokens, openParams, readsAutomatically } from "./settings.ts";
import { engineView } from "./view-model.ts";

/** Under which the chat of a workspace, and the user's consent to a download, are kept. */
const TRANSCRIPT_KEY = "transcript";
const CONSENT_KEY = "mayDownload";

/** What one window has: the engine, the memory of each folder, the chat. Commands and views go through here. */
export class Host {
  readonly engine: EngineProcess;
  readonly conversation: Conversation;
  readonly log: vscode.LogOutputChannel;
  /** The memory of the folder that questions go to, as the panel and the status bar show it. */
  readonly memory: Observable<MemoryView>;
  readonly #context: vscode.ExtensionContext;
  readonly #memories = new Map<string, FolderMemory>();
  readonly #told = new vscode.EventEmitter<HostMessage>();
  #chosen: string | undefined;

  constructor(context: vscode.ExtensionContext, log: vscode.LogOutputChannel, engineFile: string) {
    this.#context = context;
    this.log = log;
    this.engine = new EngineProcess({
      entry: engineFile,
      log: (line) => log.info(line),
      onProgress: (event) => this.#progress(event),
      openParams: () => ({ ...openParams(), mayDownload: context.globalState.get(CONSENT_KEY, false) }),
    });
    this.conversation = new Conversation(
      {
        ask: (question, { signal }) => this.#ask(question, signal),
        tell: (message) => this.#told.fire(message),
        save: (turns) => void context.workspaceState.update(TRANSCRIPT_KEY, turns),
      },
      context.workspaceState.get<Turn[]>(TRANSCRIPT_KEY, []),
    );
    this.memory = new Observable(this.#memoryView());
    // Ends with the extension; what belongs to one engine process ends with its client.
    context.subscriptions.push(
      this.#told,
      this.engine.state.onChange((state) => this.#engineChanged(state)),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#foldersChanged()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.begin()),
    );
  }

  /** What the conversation tells the views. */
  get onMessage(): vscode.Event<HostMessage> {
    return this.#told.event;
  }

  /** Starts the engine where the workspace is trusted and holds a folder. Safe to call again. */
  begin(): void {
    this.#tellMemory();
    if (!vscode.workspace.isTrusted || !this.folder()) return;
    void this.engine.start();
  }

  /** Lets the engine fetch a model, now and whenever an interrupted download has to go on. */
  async download(): Promise<void> {
    await this.#context.globalState.update(CONSENT_KEY, true);
    await this.engine.restart();
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
    const memory = new FolderMemory(path);
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
    if (folder) await this.memoryOf(folder).read(await this.#ready(), openFiles(folder));
  }

  async #readAll(client: EngineClient): Promise<void> {
    // One after the other: they share one processor.
    for (const folder of vscode.workspace.workspaceFolders ?? []) {
      const memory = this.memoryOf(folder);
      if (readsAutomatically()) await memory.read(client, openFiles(folder));
      else await memory.refresh(client);
    }
  }

  async *#ask(question: Question, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
    const folder = this.folder();
    if (!folder) throw new RepoMemoryError("usage", noFolder);
    const client = await this.#ready(signal);
    const params: AskParams = { ...question, folder: folder.uri.fsPath, maxTokens: maxAnswerTokens() };
    const context: Pick<CallContext, "signal"> = { signal };
    yield* client.ask(params, context);
    void this.memoryOf(folder).refresh(client).catch(this.#logError);
  }

  /** Waits until the engine is open; starts it when it is off. */
  async #ready(signal?: AbortSignal): Promise<EngineClient> {
    if (!vscode.workspace.isTrusted) throw new RepoMemoryError("usage", notTrusted);
    this.begin();
    for (;;) {
      const state = this.engine.state.value;
      if (state.kind === "ready") return state.client;
      if (state.kind === "failed") throw state.error;
      await nextState(this.engine.state, signal);
    }
  }

  #engineChanged(state: EngineState): void {
    this.log.debug(`engine: ${state.kind}`);
    this.#told.fire({ type: "engine", engine: engineView(state) });
    if (state.kind === "ready") void this.#readAll(state.client).catch(this.#logError);
    if (state.kind === "stopped" || state.kind === "restarting")
      for (const each of this.#memories.values()) each.reset();
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
    if (!folder) return { ...new FolderMemory("").facts.value, folder: undefined, severalFolders };
    const { facts } = this.memoryOf(folder);
    const error = vscode.workspace.isTrusted ? facts.value.error : { ...notTrusted, action: "trust" as const };
    return { ...facts.value, error, folder: folder.name, severalFolders };
  }

  readonly #logError = (error: unknown): void => {
    this.log.error(RepoMemoryError.from(error).message);
  };
}

const noFolder = {
  message: "No folder is open.",
  meaning: "Repo Memory answers from the files of an open folder.",
  remedy: "Open a folder and ask again.",
};

const notTrusted = {
  message: "This workspace is not trusted.",
  meaning: "Repo Memory reads no files of a workspace in restricted mode.",
  remedy: "Trust the workspace to have it read.",
};

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
