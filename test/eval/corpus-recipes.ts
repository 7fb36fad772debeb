/** Which published packages the evaluations read, to the version and the archive's hash; nothing of them is kept in this tree. */

/** Evaluations are reported on one half; what is fitted or chosen may only look at the other. */
export type Half = "tune" | "report";

/** The corpora of each half are named by their language. */
export type CorpusName = "python" | "typescript" | "cpp";

/** A package and which of its files are read. */
export interface PackageSource {
  /** The ordinary client that fetches it. */
  client: "npm" | "pip";
  /** As the client is asked, to the version: `rxjs@7.8.2`, `flask==3.1.3`. */
  requirement: string;
  /** Of the archive. */
  sha256: string;
  /** Folder in the archive whose files are read, ending in "/". */
  from: string;
  /** Folder in the corpus that they go to, ending in "/". */
  to: string;
  /** Files, by their path below `from`, that are kept. */
  keep: RegExp;
  /** Of those, files that are left out: tests, tables, and what would make the corpus larger than some 300K tokens. */
  leave?: RegExp;
}

/** Files that are read as one folder. */
export interface CorpusRecipe {
  name: CorpusName;
  half: Half;
  packages: readonly PackageSource[];
}

const PYTHON = /\.py$/;
const CPP = /\.(?:cc|h)$/;

/** All corpora. Licences: BSD (Flask, Werkzeug, Jinja, Click, LevelDB, RE2), Apache-2.0 (RxJS, Requests), MIT (the others). */
export const CORPUS_RECIPES: readonly CorpusRecipe[] = [
  {
    name: "python",
    half: "report",
    packages: [
      {
        client: "pip",
        requirement: "flask==3.1.3",
        sha256: "f4bcbefc124291925f1a26446da31a5178f9483862233b23c0c96a20701f670c",
        from: "flask/",
        to: "flask/",
        keep: PYTHON,
      },
      {
        client: "pip",
        requirement: "werkzeug==3.1.9",
        sha256: "6392e50c78460ba618e5b21f08a71f59c99ce99cdc6cf6e3dd7e6ccca8754fab",
        from: "werkzeug/",
        to: "werkzeug/",
        keep: PYTHON,
        leave: /^(?:debug|middleware|sansio)\/|^test\.py$/,
      },
      {
        client: "pip",
        requirement: "jinja2==3.1.6",
        sha256: "85ece4451f492d0c13c5dd7c13a64681a86afae63a5f347908daf103ce6d2f67",
        from: "jinja2/",
        to: "jinja2/",
        keep: PYTHON,
        leave: /^(?:compiler|ext|nodes|parser|sandbox|_identifier)\.py$/,
      },
      {
        client: "pip",
        requirement: "click==8.5.1",
        sha256: "8bb5376d2006950386f8c6427613334a2acadc5f559cb80e638d00b4df957e37",
        from: "click/",
        to: "click/",
        keep: PYTHON,
        leave: /^(?:_.+|core|shell_completion|testing)\.py$/,
      },
    ],
  },
  {
    name: "typescript",
    half: "report",
    packages: [
      {
        client: "npm",
        requirement: "rxjs@7.8.2",
        sha256: "2312f8ffd9726ffd7bd53ea12c5f13663d09a3dc3326f448c70b88f5ef6fac82",
        from: "package/src/internal/",
        to: "rxjs/",
        keep: /\.ts$/,
      },
    ],
  },
  {
    name: "cpp",
    half: "report",
    packages: [
      {
        client: "npm",
        requirement: "leveldown@6.1.1",
        sha256: "fe534f13e475826331c9cd59f279f073c3238e4db2ff2c930e17a786ba0f4f01",
        from: "package/deps/leveldb/leveldb-1.20/",
        to: "leveldb/",
        keep: CPP,
        leave: /_test\.cc$|^doc\//,
      },
      {
        client: "npm",
        requirement: "leveldown@6.1.1",
        sha256: "fe534f13e475826331c9cd59f279f073c3238e4db2ff2c930e17a786ba0f4f01",
        from: "package/",
        to: "leveldown/",
        keep: /^binding\.cc$/,
      },
    ],
  },
  {
    name: "python",
    half: "tune",
    packages: [
      {
        client: "pip",
        requirement: "requests==2.34.2",
        sha256: "2a0d60c172f83ac6ab31e4554906c0f3b3588d37b5cb939b1c061f4907e278e0",
        from: "requests/",
        to: "requests/",
        keep: PYTHON,
      },
      {
        client: "pip",
        requirement: "urllib3==2.8.0",
        sha256: "0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3",
        from: "urllib3/",
        to: "urllib3/",
        keep: PYTHON,
        leave: /^(?:contrib|http2)\//,
      },
      {
        client: "pip",
        requirement: "rich==15.0.0",
        sha256: "33bd4ef74232fb73fe9279a257718407f169c09b78a87ad3d296f548e27de0bb",
        from: "rich/",
        to: "rich/",
        keep: /^[a-z]\w*\.py$/,
        leave: /^(?:emoji|markdown|pretty|progress|syntax|traceback)\.py$/,
      },
    ],
  },
  {
    name: "typescript",
    half: "tune",
    packages: [
      {
        client: "npm",
        requirement: "effect@4.1.0",
        sha256: "41705a35c964192dfc742863f0e099727ccda7ff2bd67a06d09b093a336f2b0e",
        from: "package/src/",
        to: "effect/",
        keep: /^(?:Array|Cause|Config|Duration|HashMap|Number|Option|Queue|Record|Schedule|String)\.ts$/,
      },
    ],
  },
  {
    name: "cpp",
    half: "tune",
    packages: [
      {
        client: "npm",
        requirement: "re2@1.21.4",
        sha256: "9085f5013280cc1b3ea64e65ad6151012711ef73fed665eb921ee9e0ef791e71",
        from: "package/vendor/re2/re2/",
        to: "re2/",
        keep: CPP,
        leave: /^(?:testing|fuzzing)\/|^(?:unicode_groups|unicode_casefold|perl_groups)\.cc$/,
      },
    ],
  },
];
