import * as library from "@huggingface/tokenizers";
import { RepoMemoryError } from "../protocol/errors.ts";
import type { JsonObject } from "./pre-tokenizer.ts";

/** Merges one piece after another; tokens come back as their texts. */
export interface BpeModel {
  encode(pieces: string[]): string[];
  readonly tokens_to_ids: ReadonlyMap<string, number>;
  readonly unk_token_id: number | undefined;
  /** Texts by id; holes where the checkpoint has none. */
  readonly vocab: readonly (string | undefined)[];
}

/**
 * The parts of `@huggingface/tokenizers` 0.2 that are used, written down here because the package's own declarations
 * import without file extensions, which leaves all of them `any` under Node's module resolution.
 */
export interface LibraryTokenizer {
  readonly normalizer: { normalize(text: string): string } | null;
  readonly pre_tokenizer: { pre_tokenize(text: string, options: { section_index: number }): string[] } | null;
  readonly model: BpeModel;
}

/** Builds the library's tokenizer. @throws RepoMemoryError `model-invalid` where it refuses the file. */
export function openLibrary(tokenizerJson: JsonObject): LibraryTokenizer {
  try {
    const opened: LibraryTokenizer = new library.Tokenizer(tokenizerJson, {});
    return opened;
  } catch (cause) {
    throw new RepoMemoryError("model-invalid", {
      message: `The model's tokenizer cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      meaning: "Text cannot be turned into this model's tokens.",
      remedy: "Download the model again, or choose another.",
      cause,
    });
  }
}
