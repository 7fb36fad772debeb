import * as v from "valibot";
import { END_TOKENS, type AddedToken, type TokenizerSpec } from "./tokenizer-json.ts";

/** `tokenizer_config.json` names a token by its text or by an object that has it. */
const tokenName = v.union([
  v.string(),
  v.pipe(
    v.object({ content: v.string() }),
    v.transform(({ content }) => content),
  ),
]);

/** The tokens with a role. */
export interface SpecialTokens {
  bos: AddedToken | undefined;
  eos: AddedToken | undefined;
  /** Ids at which generation ends. */
  endTokens: ReadonlySet<number>;
}

/** The text that `config` gives for one of its `*_token` fields. */
function nameOf(config: Record<string, unknown>, field: string): string | undefined {
  const parsed = v.safeParse(tokenName, config[field]);
  return parsed.success ? parsed.output : undefined;
}

/** Finds BOS, EOS and the ends of turns among the added tokens. */
export function findSpecialTokens(config: Record<string, unknown>, spec: TokenizerSpec): SpecialTokens {
  const byContent = new Map(spec.addedTokens.map((token) => [token.content, token]));
  const named = (field: string): AddedToken | undefined => byContent.get(nameOf(config, field) ?? "");
  const eos = named("eos_token");
  const ends = [eos, ...[...END_TOKENS].map((name) => byContent.get(name))].filter((token) => token !== undefined);
  return { bos: named("bos_token"), eos, endTokens: new Set(ends.map((token) => token.id)) };
}
