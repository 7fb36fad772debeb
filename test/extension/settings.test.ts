import { beforeEach, expect, test, vi } from "vitest";
import { SecretList } from "../../engine/ingest/secrets.ts";
import { openParams } from "../../extension/settings.ts";

/** What the levels of the settings hold for the secret patterns. */
const levels = vi.hoisted(
  (): { globalValue?: string[]; workspaceValue?: string[]; workspaceFolderValue?: string[] } => ({}),
);
vi.mock("vscode", () => {
  const strongest = () => levels.workspaceFolderValue ?? levels.workspaceValue ?? levels.globalValue;
  const get = (name: string, value: unknown) => (name === "secretPatterns" ? (strongest() ?? value) : value);
  return { workspace: { getConfiguration: () => ({ get, inspect: () => levels }) } };
});
beforeEach(() => {
  levels.globalValue = ["private/", "*.sql"];
  delete levels.workspaceValue;
  delete levels.workspaceFolderValue;
});

function isSecret(path: string): boolean {
  return new SecretList(openParams().secretPatterns).byName(path) !== undefined;
}

test.each([
  ["nothing", undefined],
  ["an empty list", []],
  ["a list of its own", ["*.csv"]],
  ["patterns that undo others", ["!*.sql", "!private/", "!**"]],
])("a repository that sets %s takes none of the user's secret patterns away", (_, workspaceValue) => {
  if (workspaceValue) levels.workspaceValue = workspaceValue;
  expect([isSecret("dump.sql"), isSecret("private/"), isSecret("a.ts")]).toEqual([true, true, false]);
});

test("what a repository names as secret is kept from the model, too", () => {
  levels.workspaceValue = ["*.csv"];
  levels.workspaceFolderValue = ["people.json"];
  expect([isSecret("a.csv"), isSecret("people.json"), isSecret("dump.sql")]).toEqual([true, true, true]);
});
