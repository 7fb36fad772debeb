/** As much of VS Code's API as the panel's host side uses, in plain Node: it does nothing and remembers what it was asked. */
import { join, posix, relative } from "node:path";

/** What was asked of VS Code, by the name of its function, with the argument that says on what. */
export const asked: { what: string; on: string }[] = [];

class Disposable {
  static from(...all: { dispose(): void }[]): Disposable {
    return new Disposable(() => all.forEach((each) => each.dispose()));
  }
  readonly dispose: () => void;
  constructor(dispose: () => void) {
    this.dispose = dispose;
  }
}

class EventEmitter<T> {
  readonly #listeners = new Set<(value: T) => unknown>();
  readonly event = (listener: (value: T) => unknown): Disposable => {
    this.#listeners.add(listener);
    return new Disposable(() => void this.#listeners.delete(listener));
  };
  fire(value: T): void {
    for (const listener of this.#listeners) listener(value);
  }
  dispose(): void {
    this.#listeners.clear();
  }
}

class Uri {
  readonly scheme: string;
  readonly path: string;
  private constructor(scheme: string, path: string) {
    this.scheme = scheme;
    this.path = path;
  }
  static file(path: string): Uri {
    return new Uri("file", path);
  }
  static parse(text: string, strict = false): Uri {
    const [, scheme, path = ""] = /^([a-z][\w+.-]*):(?:\/\/[^/]*)?(.*)$/is.exec(text) ?? [];
    if (strict && scheme === undefined) throw new Error("no scheme");
    return new Uri(scheme ?? "file", decodeURIComponent(path));
  }
  static joinPath(uri: Uri, ...steps: string[]): Uri {
    return new Uri(uri.scheme, posix.join(uri.path, ...steps));
  }
  get fsPath(): string {
    return this.path;
  }
  with({ path }: { path: string }): Uri {
    return new Uri(this.scheme, path);
  }
  toString(): string {
    return `${this.scheme}://${this.path}`;
  }
}

class Range {
  readonly numbers: number[];
  constructor(...numbers: number[]) {
    this.numbers = numbers;
  }
}

/** The stub, with one workspace folder. */
export function vscodeStub(root: string) {
  const folder = { uri: Uri.file(root), name: "folder", index: 0 };
  const ask = (what: string, on: unknown) => void asked.push({ what, on: String(on) });
  const document = (uri: Uri) => ({ uri, lineCount: 10, lineAt: () => ({ text: "" }), getText: () => "", version: 1 });
  const message = async (text: string) => ask("message", text);
  const inside = (uri: Uri) => !relative(root, uri.fsPath).startsWith("..");
  return {
    Disposable,
    EventEmitter,
    Uri,
    Range,
    FileType: { Directory: 2 },
    ColorThemeKind: { Light: 1, Dark: 2, HighContrast: 3, HighContrastLight: 4 },
    DiagnosticSeverity: { Warning: 1 },
    TextEditorRevealType: { InCenterIfOutsideViewport: 2 },
    RelativePattern: Range,
    l10n: { t: (text: string) => text, bundle: undefined },
    env: {
      language: "en",
      clipboard: { writeText: async (text: string) => ask("clipboard", text) },
      openExternal: async (uri: Uri) => ask("openExternal", uri),
    },
    commands: { executeCommand: async (id: string) => ask("command", id) },
    extensions: { all: [], getExtension: () => undefined },
    languages: { getDiagnostics: () => [] },
    window: {
      activeColorTheme: { kind: 2 },
      onDidChangeActiveColorTheme: () => new Disposable(() => {}),
      activeTextEditor: undefined,
      onDidChangeActiveTextEditor: () => new Disposable(() => {}),
      visibleTextEditors: [],
      tabGroups: { all: [] },
      showInformationMessage: message,
      showWarningMessage: message,
      showSaveDialog: async () => ask("saveDialog", ""),
      showTextDocument: async ({ uri }: { uri: Uri }) => (ask("show", uri.fsPath), { revealRange: () => {} }),
    },
    workspace: {
      isTrusted: false,
      textDocuments: [],
      onDidChangeConfiguration: () => new Disposable(() => {}),
      onDidChangeWorkspaceFolders: () => new Disposable(() => {}),
      onDidGrantWorkspaceTrust: () => new Disposable(() => {}),
      workspaceFolders: [folder],
      getWorkspaceFolder: (uri: Uri) => (inside(uri) ? folder : undefined),
      asRelativePath: (uri: Uri) => relative(root, uri.fsPath),
      openTextDocument: async (uri: Uri) => (ask("read", uri.fsPath), document(uri)),
      findFiles: async () => [Uri.file(join(root, "a.ts"))],
      getConfiguration: () => ({ get: (_: string, value: unknown) => value }),
      fs: { stat: async () => ({ type: 1 }), writeFile: async (uri: Uri) => ask("write", uri.fsPath) },
    },
  };
}
