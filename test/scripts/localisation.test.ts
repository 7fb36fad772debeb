import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { faultsOf, readLocalisation, TRANSLATED } from "../../scripts/localisation.ts";
import { temporaryFolder } from "../support/folder.ts";

/** A tree that says `code` and has the given translations everywhere. */
async function faults(code: string, manifest: object, nls: object, translated: object, bundle: object) {
  const root = temporaryFolder();
  const files: Record<string, string> = {
    "extension/a.ts": code,
    "webview/b.tsx": "export const b = <p>{t(`Stay`)}</p>;",
    "package.json": JSON.stringify(manifest),
    "package.nls.json": JSON.stringify(nls),
  };
  for (const language of TRANSLATED) {
    files[`package.nls.${language}.json`] = JSON.stringify(translated);
    files[`l10n/bundle.l10n.${language}.json`] = JSON.stringify({ Stay: "Bleib", ...bundle });
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return faultsOf(await readLocalisation(root));
}

const manifest = { description: "%what%" };

test("texts and keys with all their translations are right", async () => {
  const found = await faults(
    `l10n.t("Go \\"{0}\\"", 1)`,
    manifest,
    { what: "W" },
    { what: "V" },
    { 'Go "{0}"': "Los {0}" },
  );
  expect(found).toEqual({ broken: [], missing: [] });
});

test("a text or key without a translation is named for each language", async () => {
  const { missing } = await faults(`vscode.l10n.t("Go")`, manifest, { what: "W" }, {}, {});
  expect(missing).toEqual(
    TRANSLATED.flatMap((each) => [`package.nls.${each}.json lacks "what"`, `bundle.l10n.${each}.json lacks "Go"`]),
  );
});

test("a key that the manifest names and nobody defines is broken, and so is one that nobody names", async () => {
  const { broken } = await faults("", manifest, { other: "W" }, { other: "V" }, {});
  expect(broken).toEqual([
    'package.nls.json lacks "what"',
    'package.nls.json has "other", which the manifest does not name',
  ]);
});

test("a translation with other places for values, and one of what nobody says, are broken", async () => {
  const { broken } = await faults(`l10n.t("Go {0}")`, {}, {}, {}, { "Go {0}": "Los {1}", Old: "Alt" });
  expect(broken).toHaveLength(2 * TRANSLATED.length);
  expect(broken[0]).toContain('has "Old", which nothing says');
  expect(broken[1]).toContain('other places for values than "Go {0}"');
});

test("a text that is put together at run time is broken, since nobody can translate it", async () => {
  const { broken } = await faults("l10n.t(`Go ${place}`)", {}, {}, {}, {});
  expect(broken).toEqual(["extension/a.ts:1: the text must be one literal, so that it can be translated"]);
});

test("nothing that this extension says is broken, or lacks a translation", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  expect(faultsOf(await readLocalisation(root))).toEqual({ broken: [], missing: [] });
});
