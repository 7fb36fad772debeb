import { RepoMemoryError } from "../protocol/errors.ts";

/**
 * The error for a model file that is damaged or lies about itself.
 * @param path the file
 * @param field the part of the file that is wrong, in the file format's own words
 * @param problem what is wrong with it, as the end of the sentence "`field` …"
 */
export function invalidModel(path: string, field: string, problem: string, cause?: unknown): RepoMemoryError {
  return new RepoMemoryError("model-invalid", {
    message: `${path}: ${field} ${problem}.`,
    meaning: "The model file is damaged, incomplete or not what its name says, so it cannot be used.",
    remedy: "Download it again, or name another model with --model FILE.",
    cause,
  });
}

/** The error for a sound model file that needs something which is not supported; `what` names it. */
export function unsupportedModel(path: string, what: string): RepoMemoryError {
  return new RepoMemoryError("model-unsupported", {
    message: `${path}: ${what} is not supported.`,
    meaning: "Models of the families llama, mistral, qwen2 and qwen3 can be used, as GGUF or safetensors.",
    remedy: "Name another model with --model FILE.",
  });
}
