/** The panel's texts in the user's language. English is the key; the page carries what they are in the language that VS Code shows. */

// Unit tests have no page.
const page = typeof document === "undefined" ? undefined : document;
const translations = read(page?.getElementById("root")?.dataset["l10n"]);

/** The language of the page, for numbers and dates. */
export const language = page?.documentElement.lang || "en";

/** The text in the user's language, with `values` for `{0}`, `{1}` …. It must be one literal where it is called, so that it can be translated. */
export function t(text: string, ...values: (string | number)[]): string {
  return (translations.get(text) ?? text).replace(/\{(\d+)\}/g, (place, index) =>
    String(values[Number(index)] ?? place),
  );
}

function read(json: string | undefined): Map<string, string> {
  const bundle: unknown = json ? JSON.parse(json) : undefined;
  const entries = typeof bundle === "object" && bundle !== null ? Object.entries(bundle) : [];
  return new Map(
    entries.flatMap(([text, translated]): [string, string][] =>
      typeof translated === "string" ? [[text, translated]] : [],
    ),
  );
}
