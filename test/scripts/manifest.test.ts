import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Setting {
  scope?: string;
  order?: number;
  markdownDescription?: string;
  default?: unknown;
}

interface Manifest {
  extensionKind: string[];
  capabilities: {
    untrustedWorkspaces: { supported: unknown; restrictedConfigurations: string[] };
    virtualWorkspaces: { supported: unknown; description: string };
  };
  contributes: {
    commands: { command: string; title: string; category?: string }[];
    menus: Record<string, { command?: string }[]>;
    keybindings?: { command: string; key: string; mac?: string; when?: string }[];
    configuration: { properties: Record<string, Setting> };
    walkthroughs: { steps: { id: string; completionEvents: string[] }[] }[];
  };
}

const path = fileURLToPath(new URL("../../package.json", import.meta.url));
const manifest: Manifest = JSON.parse(readFileSync(path, "utf8"));
const { commands, configuration, keybindings = [], menus, walkthroughs } = manifest.contributes;
const settings = Object.entries(configuration.properties);

test("there are at most 25 settings, each with a Markdown description, a scope, a default and a place of its own", () => {
  expect(settings.length).toBeLessThanOrEqual(25);
  for (const [, { scope, markdownDescription, default: value }] of settings) {
    expect(scope).toMatch(/^(application|machine|machine-overridable|window|resource|language-overridable)$/);
    expect(markdownDescription).toMatch(/^%setting\./);
    expect(value).toBeDefined();
  }
  const orders = settings.map(([, { order }]) => order);
  expect(new Set(orders).size).toBe(settings.length);
  expect(orders).not.toContain(undefined);
});

test("settings that name files, programs or what is kept from the model are not a workspace's to set before it is trusted", () => {
  const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
  expect(supported).toBe("limited");
  const known = new Set(settings.map(([name]) => name));
  expect(restrictedConfigurations.filter((name) => !known.has(name))).toEqual([]);
  for (const name of ["model", "dataFolder", "secretPatterns", "maxFileSizeKiB"])
    expect(restrictedConfigurations).toContain(`repoMemory.${name}`);
  // A machine's setting cannot be set by a workspace at all.
  for (const name of ["model", "dataFolder"])
    expect(configuration.properties[`repoMemory.${name}`]?.scope).toBe("machine");
});

test("the extension runs where the files are, and says that virtual workspaces are not supported", () => {
  expect(manifest.extensionKind).toEqual(["workspace"]);
  expect(manifest.capabilities.virtualWorkspaces).toEqual({ supported: false, description: "%virtualWorkspaces%" });
});

test("every command has a title and a category, and menus name no other", () => {
  const known = new Set(commands.map(({ command }) => command));
  expect(known.size).toBe(commands.length);
  for (const { title, category } of commands) {
    expect(title).toMatch(/^%command\./);
    expect(category).toBe("Repo Memory");
  }
  const named = Object.values(menus).flatMap((items) => items.flatMap(({ command }) => command ?? []));
  expect([...named, ...keybindings.map(({ command }) => command)].filter((name) => !known.has(name))).toEqual([]);
});

test("every step of the walkthrough ticks itself off, the last with an answered question", () => {
  const steps = walkthroughs.flatMap((walkthrough) => walkthrough.steps);
  expect(steps.map(({ id }) => id)).toEqual(["folder", "model", "read", "ask"]);
  for (const { completionEvents } of steps) expect(completionEvents).toHaveLength(1);
  expect(steps.at(-1)?.completionEvents).toEqual(["onContext:repoMemory.hasAnswered"]);
});
