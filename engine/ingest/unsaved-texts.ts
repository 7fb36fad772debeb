/** Files that one may leave unsaved; more come from a program, and are read once they are saved. */
const MOST_FILES = 200;

/** Characters kept of all of them. */
const MOST_CHARACTERS = 32 * 2 ** 20;

/** What editors hold unsaved, by folder: known also while the folder's memory is not open. */
export class UnsavedTexts {
  readonly #folders = new Map<string, Map<string, string>>();

  /** Takes note of hints: a text stands until one without. */
  note(folder: string, files: readonly { path: string; text?: string }[]): void {
    const texts = this.#folders.get(folder) ?? new Map<string, string>();
    for (const { path, text } of files) {
      texts.delete(path);
      if (text !== undefined) texts.set(path, text);
    }
    this.#folders.set(folder, texts);
    trim(texts);
  }

  /** The folder's texts as hints. */
  of(folder: string): { path: string; text: string }[] {
    return [...(this.#folders.get(folder) ?? [])].map(([path, text]) => ({ path, text }));
  }
}

/** The oldest go first. */
function trim(texts: Map<string, string>): void {
  let characters = 0;
  for (const text of texts.values()) characters += text.length;
  for (const [path, text] of texts) {
    if (texts.size <= MOST_FILES && characters <= MOST_CHARACTERS) return;
    texts.delete(path);
    characters -= text.length;
  }
}
