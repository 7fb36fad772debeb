import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readSavedChat, type SavedChat, writeSavedChat } from "./saved-chat.ts";

/** Bytes of a file that is read; a chat of 200 long answers stays far below. */
const LARGEST_FILE = 8 * 1024 * 1024;

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

  /** Every chat that can be read; what is damaged is passed over, and stays where it is. */
  async load(): Promise<SavedChat[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const chats = await Promise.all(names.filter((name) => name.endsWith(".json")).map((name) => this.#read(name)));
    return chats.flatMap((chat) => chat ?? []);
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

  async #read(name: string): Promise<SavedChat | undefined> {
    const path = join(this.#folder, name);
    const { size } = await stat(path);
    const chat = size > LARGEST_FILE ? undefined : readSavedChat(await readFile(path, "utf8"));
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
