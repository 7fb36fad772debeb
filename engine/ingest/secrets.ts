import { basename } from "node:path";

import ignore from "ignore";

/** Names (gitignore syntax) of files that hold keys and passwords. */
const SECRET_FILES = `
*.env
.env
.env.*
.env-*
.envrc
!.env[.-]example
!.env[.-]sample
!.env[.-]template
!.env[.-]dist
!.env[.-]defaults
!example.env
!sample.env
*.pem
*.key
*.p8
*.p12
*.pfx
*.jks
*.keystore
*.kdbx
*.ppk
*.gpg
*.ovpn
id_rsa*
id_dsa*
id_ecdsa*
id_ed25519*
.ssh/
.gnupg/
.aws/
.netrc
_netrc
.pgpass
.my.cnf
.htpasswd
.git-credentials
.dockercfg
.docker/config.json
.kube/config
kubeconfig
credentials
credentials.*
*credentials*.json
client_secret*.json
service-account*.json
secrets.json
secrets.yml
secrets.yaml
secrets.toml
.vault-token
*.tfstate
*.tfstate.*
*.tfvars
`;

/** `credentials.py` is code about credentials, not credentials. */
const SOURCE_CODE = /\.(?:[cm]?[jt]sx?|py|rb|go|rs|java|kt|swift|cs|cpp|cc|c|h|hpp|php|scala|ex|exs|md|rst)$/i;

/** Configuration that is harmless unless it holds a token. */
const TOKEN_FILES = /^(?:\.npmrc|\.yarnrc|\.yarnrc\.yml|\.pypirc|pip\.conf|nuget\.config)$/i;
const TOKEN =
  /(?:_auth(?:Token)?|_password|npmAuthToken|npmAuthIdent|password|ClearTextPassword)"?\s*[:=]|\/\/[^/\s:@]+:[^/\s@]+@/i;

const PRIVATE_KEY = /^\s*-----BEGIN (?:[A-Z]+ )*PRIVATE KEY/;

/** Knows which files must never be read. What the user adds can only add. */
export class SecretList {
  readonly #builtIn = ignore({ ignorecase: true }).add(SECRET_FILES);
  readonly #added: ignore.Ignore;

  constructor(patterns: readonly string[] = []) {
    this.#added = ignore({ ignorecase: true }).add([...patterns]);
  }

  /** Why the file must not be read, by its relative path; undefined when it may be. A directory's path ends in "/". */
  byName(path: string): string | undefined {
    const added = this.#added.test(path).rule;
    if (added !== undefined) return reasonFor(added.pattern);
    const builtIn = this.#builtIn.test(path).rule;
    if (builtIn === undefined) return undefined;
    const isCode = builtIn.pattern === "credentials.*" && SOURCE_CODE.test(path);
    return isCode ? undefined : reasonFor(builtIn.pattern);
  }

  /** Likewise, by what the file holds. */
  byContent(path: string, text: string): string | undefined {
    if (TOKEN_FILES.test(basename(path)) && TOKEN.test(text)) return reasonFor("a token or password in it");
    if (PRIVATE_KEY.test(text.slice(0, 200))) return reasonFor("a private key");
    return undefined;
  }
}

function reasonFor(what: string): string {
  return `matches the secrets list (${what})`;
}
