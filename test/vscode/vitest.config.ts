import { defineConfig } from "vitest/config";

// The panel from outside: a browser drives a real VS Code. One window at a time: two would share two cores.
export default defineConfig({
  test: {
    include: ["test/vscode/ui/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    fileParallelism: false,
    pool: "forks",
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // What is waited for may take long on a busy machine.
    expect: { poll: { timeout: 30_000 } },
    // A browser, a server and a model share two cores: a click may come before what it is meant for. Twice is no chance.
    retry: 1,
  },
});
