/** The local model for everybody in VS Code: chats, other extensions. Nothing of any memory enters it. */
import * as vscode from "vscode";
import { RepoMemoryError } from "../../engine/protocol/errors.ts";
import type { ModelLimits } from "../../engine/protocol/generation.ts";
import type { EngineClient } from "../engine-client.ts";
import type { Host } from "../host.ts";
import { toldText } from "../status/told-error.ts";
import { abortSignal } from "./abort-signal.ts";
import { messageText, readMessage, readModelOptions } from "./model-messages.ts";

/** The vendor in package.json. */
const VENDOR = "repo-memory";

/** Under which the limits of the model that ran last are kept: they are known before it is loaded again. */
const LIMITS_KEY = "modelLimits";

/** An answer takes at most this share of the window, and this many tokens. */
const OUTPUT_SHARE = 0.25;
const MOST_OUTPUT = 2_048;

type Message = vscode.LanguageModelChatRequestMessage;

/** Registers the provider that package.json declares. */
export function registerModelProvider(host: Host, memento: vscode.Memento): vscode.Disposable {
  const provider = new ModelProvider(host, memento);
  return vscode.Disposable.from(
    provider,
    vscode.lm.registerLanguageModelChatProvider(VENDOR, provider),
    host.memory.onChange(({ model }) => provider.ran(model)),
    vscode.workspace.onDidGrantWorkspaceTrust(() => provider.trusted()),
  );
}

class ModelProvider implements vscode.LanguageModelChatProvider {
  readonly #host: Host;
  readonly #memento: vscode.Memento;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeLanguageModelChatInformation = this.#changed.event;
  /** Of the model that runs. */
  #limits: ModelLimits | undefined;
  #asked: string | undefined;

  constructor(host: Host, memento: vscode.Memento) {
    this.#host = host;
    this.#memento = memento;
  }

  dispose(): void {
    this.#changed.dispose();
  }

  /** Nothing was offered before. */
  trusted(): void {
    this.#changed.fire();
  }

  /** A model is loaded: its limits are learnt, once. */
  ran(model: string | undefined): void {
    const client = this.#host.client();
    if (model === undefined || model === this.#asked || !client) return;
    this.#asked = model;
    void this.#learn(client).catch((error: unknown) => this.#host.log.warn(toldText(error, vscode.l10n)));
  }

  async provideLanguageModelChatInformation(
    { silent }: vscode.PrepareLanguageModelChatModelOptions,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelChatInformation[]> {
    if (!vscode.workspace.isTrusted) return [];
    const known = this.#limits ?? this.#memento.get<ModelLimits>(LIMITS_KEY);
    // Loading takes seconds, a download minutes: only where the user asked for models.
    if (!known && silent) return [];
    return [information(known ?? (await this.#learn(await this.#host.ready(abortSignal(token)))))];
  }

  async provideLanguageModelChatResponse(
    model: vscode.LanguageModelChatInformation,
    messages: readonly Message[],
    { modelOptions }: vscode.ProvideLanguageModelChatResponseOptions,
    progress: vscode.Progress<vscode.LanguageModelResponsePart>,
    token: vscode.CancellationToken,
  ): Promise<void> {
    const signal = abortSignal(token);
    await reportingErrors(async () => {
      const client = await this.#host.ready(signal);
      const wanted = readModelOptions(modelOptions);
      const maxTokens = Math.min(wanted.maxTokens ?? model.maxOutputTokens, model.maxOutputTokens);
      const params = { ...wanted, maxTokens, messages: messages.map(readMessage) };
      for await (const event of client.generate(params, { signal })) {
        if (event.type === "token") progress.report(new vscode.LanguageModelTextPart(event.text));
      }
    });
  }

  async provideTokenCount(
    _model: vscode.LanguageModelChatInformation,
    text: string | Message,
    token: vscode.CancellationToken,
  ): Promise<number> {
    const signal = abortSignal(token);
    const isText = typeof text === "string";
    return reportingErrors(async () => {
      const client = await this.#host.ready(signal);
      const { counts, perMessage } = await client.countTokens(
        { texts: [isText ? text : messageText(text)] },
        { signal },
      );
      return (counts[0] ?? 0) + (isText ? 0 : perMessage);
    });
  }

  async #learn(client: EngineClient): Promise<ModelLimits> {
    const { model } = await client.countTokens({ texts: [] });
    const before = this.#limits ?? this.#memento.get<ModelLimits>(LIMITS_KEY);
    this.#limits = model;
    if (before?.name === model.name && before.windowTokens === model.windowTokens) return model;
    await this.#memento.update(LIMITS_KEY, model);
    this.#changed.fire();
    return model;
  }
}

function information({ name, architecture, windowTokens }: ModelLimits): vscode.LanguageModelChatInformation {
  const maxOutputTokens = Math.min(MOST_OUTPUT, Math.floor(OUTPUT_SHARE * windowTokens));
  return {
    id: name,
    name,
    family: architecture,
    version: "1",
    detail: vscode.l10n.t("on this machine"),
    tooltip: vscode.l10n.t("{0} runs on this machine; nothing is sent anywhere.", name),
    maxInputTokens: windowTokens - maxOutputTokens,
    maxOutputTokens,
    // Small models call tools badly: better not offered than wrong.
    capabilities: { toolCalling: false, imageInput: false },
  };
}

/** Errors as other extensions expect them. */
async function reportingErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const { code } = RepoMemoryError.from(thrown);
    if (code === "cancelled") throw new vscode.CancellationError();
    if (code === "model-not-found") throw vscode.LanguageModelError.NotFound(toldText(thrown, vscode.l10n));
    throw new Error(toldText(thrown, vscode.l10n), { cause: thrown });
  }
}
