/** What engines do with folders that change between and under questions; on a tiny checkpoint, since nothing is said here. */
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import type { Engine } from "../engine/engine.ts";
import type { CallContext, Progress } from "../engine/protocol/requests.ts";
import { refuseFallback, TINY_ENGINES } from "./support/engine-kinds.ts";
import { temporaryFolder, writeFile } from "./support/folder.ts";

function context(signal = new AbortController().signal, heard: Progress[] = []): CallContext {
  return { signal, onProgress: (progress) => void heard.push(progress) };
}

const source = (name: string): string => `def ${name}(value):\n    return value + ${name.length}\n`;

/** Paths of the blocks that a question brings. */
async function found(engine: Engine, folder: string, question: string): Promise<string[]> {
  return (await engine.recall({ folder, question, top: 3 }, context())).blocks.map(({ path }) => path);
}

describe.each(TINY_ENGINES)("$name", (kind) => {
  refuseFallback();

  test("an engine that is started anew finds what changed, and takes unsaved texts before it knows the folder", async () => {
    const dataDir = kind.shareData(temporaryFolder());
    const folder = temporaryFolder({ "anchor.py": source("anchor"), "buoy.py": source("buoy") });
    const first = await kind.open({ dataDir });
    expect(await found(first, folder, "buoy")).toContain("buoy.py");
    await first.close();

    writeFile(folder, "davit.py", source("davit"));
    const second = await kind.open({ dataDir });
    await second.changed({ folder, files: [{ path: "untitled.py", text: source("galley") }] });
    expect((await found(second, folder, "davit"))[0]).toBe("davit.py");
    expect((await found(second, folder, "galley"))[0]).toBe("untitled.py");
    // A memory that is opened anew in the same engine has them too; what was forgotten does not come back by itself.
    await second.forget({ folder, paths: ["davit.py"] });
    expect((await found(second, folder, "galley"))[0]).toBe("untitled.py");
    expect(await found(second, folder, "davit")).not.toContain("davit.py");
    await second.close();
  });

  test("a folder is forgotten and closed under questions that are at work", async () => {
    const engine = await kind.open({ dataDir: kind.shareData(temporaryFolder()) });
    const folder = temporaryFolder({ "anchor.py": source("anchor"), "buoy.py": source("buoy") });
    await found(engine, folder, "buoy");
    const asked = Array.from({ length: 4 }, () => engine.recall({ folder, question: "anchor" }, context()));
    const forgotten = engine.forget({ folder });
    for (const outcome of await Promise.allSettled(asked)) {
      // Answered before, or cancelled: not a store that is closed.
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "cancelled" });
    }
    expect(await forgotten).toMatchObject({ files: 2 });
    expect(await found(engine, folder, "anchor")).toContain("anchor.py");
    const last = engine.recall({ folder, question: "anchor" }, context()).catch((error: unknown) => error);
    await engine.close();
    await last;
  });

  test("who waits for a model that another call loads hears of it, and keeps it coming when that call gives up", async () => {
    const engine = await kind.open({ dataDir: temporaryFolder() });
    const [one, other] = [temporaryFolder({ "a.py": source("a") }), temporaryFolder({ "b.py": source("b") })];
    const stopping = new AbortController();
    const first = engine.ingest({ folder: one }, context(stopping.signal));
    const heard: Progress[] = [];
    const second = engine.ingest({ folder: other }, context(undefined, heard));
    stopping.abort();
    await expect(first).rejects.toMatchObject({ name: "AbortError" });
    expect((await second).files).toBe(1);
    expect(heard.map(({ phase }) => phase)).toContain("convert");
    await engine.close();
  });
});

test("low priority holds for the engine's process and what it starts", () => {
  const engine = new URL("../engine/engine.ts", import.meta.url).href;
  const program = `
    const { Engine } = await import(${JSON.stringify(engine)});
    const { getPriority } = await import("node:os");
    const before = getPriority();
    await Engine.open({ dataDir: "/nowhere", priority: "normal" });
    const normal = getPriority();
    await Engine.open({ dataDir: "/nowhere", priority: "low" });
    process.stdout.write(JSON.stringify([before === normal, getPriority()]));`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  expect(JSON.parse(output)).toEqual([true, constants.priority.PRIORITY_BELOW_NORMAL]);
});
