import { expect, test } from "vitest";

import { SecretList } from "../../engine/ingest/secrets.ts";

test.each([
  ".env",
  ".env.local",
  "app/.env.production",
  ".env-staging",
  ".envrc",
  "vpn/office.ovpn",
  "prod.env",
  "server.pem",
  "tls/site.key",
  "cert.p12",
  "id_rsa",
  "id_ed25519.pub",
  ".ssh/",
  ".aws/",
  ".netrc",
  "credentials",
  "credentials.json",
  "gcp-credentials-prod.json",
  "Credentials.XML",
  "client_secret_1.json",
  "service-account-x.json",
  "secrets.yaml",
  ".git-credentials",
  "terraform.tfstate",
  "prod.tfvars",
  ".kube/config",
  "db.kdbx",
])("%s is never read", (path) => {
  expect(new SecretList().byName(path)).toMatch(/^matches the secrets list \(.+\)$/);
});

test.each([
  ".env.example",
  "app/.env.sample",
  ".env-example",
  ".env.template",
  "example.env",
  "environment.ts",
  "credentials.py",
  "src/credentials.test.ts",
  "credentials_provider.py",
  "key.ts",
  "keys/index.ts",
  "secrets.ts",
  "config",
  "src/aws/client.ts",
  "README.md",
  "monkey",
  "src/",
])("%s may be read", (path) => {
  expect(new SecretList().byName(path)).toBeUndefined();
});

test("patterns can be added, but none can be taken away", () => {
  const list = new SecretList(["*.private.ts", "internal/", "!.env", "!*.pem"]);
  expect(list.byName("a.private.ts")).toBe("matches the secrets list (*.private.ts)");
  expect(list.byName("internal/")).toBe("matches the secrets list (internal/)");
  expect(list.byName(".env")).toBe("matches the secrets list (.env)");
  expect(list.byName("a.pem")).toBe("matches the secrets list (*.pem)");
});

test.each([
  [".npmrc", "//registry.example/:_authToken=abc\n", true],
  [".npmrc", "save-exact=true\n", false],
  ["sub/.npmrc", "_password = abc", true],
  [".yarnrc.yml", "npmAuthToken: abc", true],
  [".pypirc", "[pypi]\nusername = u\npassword = p\n", true],
  ["pip.conf", "index-url = https://user:pass@host/simple", true],
  ["pip.conf", "index-url = https://host/simple", false],
  ["keyfile", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc", true],
  ["keyfile.txt", "\n-----BEGIN PRIVATE KEY-----\nabc", true],
  ["doc.md", "A key starts with -----BEGIN PRIVATE KEY-----", false],
  ["a.ts", "const _authToken = 1", false],
])("%s by its content %j: %s", (path, text, secret) => {
  expect(new SecretList().byContent(path, text) !== undefined).toBe(secret);
});
