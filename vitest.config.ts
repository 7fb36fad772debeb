import { defineConfig } from "vitest/config";

// No default export elsewhere: this one is what vitest reads.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // These run inside VS Code's extension host, by `npm run -s test:vscode`.
    exclude: ["test/vscode/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // The model's tests hold native sessions: processes of their own end cleanly, threads do not.
    pool: "forks",
    // Inference uses both cores already; a test is never failed for being slow on a busy machine.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
