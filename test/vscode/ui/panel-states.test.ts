import { expect, test } from "vitest";
import { graveFindings } from "../accessibility.ts";
import { THEMES, useTheme } from "../themes.ts";
import { testWindows } from "./test-windows.ts";

const open = testWindows();

/** States that need an engine of their own: by the word in the model's setting that puts it there, and what the panel then says. */
const STATES = [
  { name: "ingestion", model: "held", says: "50 % · 2,100 of 4,200 tokens" },
  { name: "first-run", model: "missing", says: "There is no model on this machine yet." },
];

test.each(STATES)("axe-core finds nothing serious, in every theme: $name", async ({ name, model, says }) => {
  const workbench = await open({ settings: { "repoMemory.model": model } });
  await workbench.openChat();
  await workbench.chat.getByText(says).waitFor();
  for (const theme of THEMES) {
    await useTheme(workbench, theme);
    expect(await graveFindings(workbench)).toEqual([]);
    await workbench.screenshot(`panel-${name}-${theme.name}`);
  }
});
