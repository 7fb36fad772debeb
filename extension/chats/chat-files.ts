import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSavedChat, type SavedChat, writeSavedChat } from "./saved-chat.ts";

/** Bytes of a file that is read; a chat of 200 long answers stays far below. */
const LARGEST_FILE = 8 * 1024 * 1024;

/** Bytes of all files together that are read, the latest first: what they hold stays in the extension host's heap. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Where chats outlive the window. */
export interface ChatStorage {
  load(): Promise<SavedChat[]>;
  save(chat: SavedChat): Promise<void>;
  remove(id: string): Promise<void>;
}

/** One file a chat, in a folder that VS Code keeps for the workspace. Writes of one chat come one after the other. */
export class ChatFiles implements ChatStorage {
  readonly #folder: string;
  #work: Promise<void> = Promise.resolve();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Every chat that can be read; what is damaged, or too much, is passed over and stays where it is. One file after the other: the
   * extension host has others to serve in between.
   */
  async load(): Promise<SavedChat[]> {
    const chats: SavedChat[] = [];
    let left = MOST_BYTES;
    for (const { name, size } of await this.#files()) {
      if (size > LARGEST_FILE || size > left) continue;
      left -= size;
      const chat = await this.#read(name).catch(() => undefined);
      if (chat) chats.push(chat);
    }
    return chats;
  }

  save(chat: SavedChat): Promise<void> {
    const text = writeSavedChat(chat);
    return this.#after(async () => {
      await mkdir(this.#folder, { recursive: true });
      const file = this.#file(chat.id);
      // Renamed into place, so that a chat is never half there.
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    });
  }

  remove(id: string): Promise<void> {
    return this.#after(() => rm(this.#file(id), { force: true }));
  }

  /** The chats' files, the latest first. */
  async #files(): Promise<{ name: string; size: number; changed: number }[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const files = names.filter((name) => name.endsWith(".json")).map((name) => this.#stat(name).catch(() => []));
    return (await Promise.all(files)).flat().toSorted((a, b) => b.changed - a.changed);
  }

  async #stat(name: string) {
    const { size, mtimeMs } = await stat(join(this.#folder, name));
    return [{ name, size, changed: mtimeMs }];
  }

  async #read(name: string): Promise<SavedChat | undefined> {
    const chat = readSavedChat(await readFile(join(this.#folder, name), "utf8"));
    // A file of another name would come back after it was deleted.
    return chat && name === `${chat.id}.json` ? chat : undefined;
  }

  #file(id: string): string {
    return join(this.#folder, `${id}.json`);
  }

  #after(action: () => Promise<void>): Promise<void> {
    const done = this.#work.then(action);
    this.#work = done.catch(() => {});
    return done;
  }
}
