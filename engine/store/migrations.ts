import type { Connection } from "./connection.ts";

/**
 * The schema's history: entry n brings a store from version n to version n + 1. Entries are never edited once
 * released; a change of the schema is a new entry. `AUTOINCREMENT`, so that a stale id never names another block.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE properties (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO properties VALUES ('generation', 0), ('layout', '');

  CREATE TABLE headers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    tokens INTEGER NOT NULL,
    codec TEXT NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    header INTEGER NOT NULL REFERENCES headers
  ) STRICT;
  CREATE INDEX segments_by_header ON segments (header);
  CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (segment, ordinal)
  ) STRICT;
  CREATE TABLE block_kv (
    block INTEGER PRIMARY KEY REFERENCES blocks ON DELETE CASCADE,
    codec TEXT NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  CREATE TABLE block_index (
    block INTEGER PRIMARY KEY REFERENCES blocks ON DELETE CASCADE,
    data BLOB NOT NULL
  ) STRICT;

  CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    content_hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns TEXT NOT NULL
  ) STRICT;
  CREATE TABLE file_segments (
    file INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    segment INTEGER NOT NULL REFERENCES segments ON DELETE CASCADE,
    start_line INTEGER NOT NULL,
    PRIMARY KEY (file, ordinal)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX file_segments_by_segment ON file_segments (segment);

  CREATE VIRTUAL TABLE lexical USING fts5(words, content='', contentless_delete=1, tokenize="ascii tokenchars '_'");
  CREATE VIRTUAL TABLE lexical_terms USING fts5vocab(lexical, instance);
  CREATE TABLE lexical_length (block INTEGER PRIMARY KEY, words INTEGER NOT NULL) STRICT;
  `,
  // What older stores hold gets its symbols at the next ingestion, as the layout of files changes with this version.
  `
  CREATE TABLE symbols (
    block INTEGER NOT NULL REFERENCES blocks ON DELETE CASCADE,
    name TEXT NOT NULL,
    lower TEXT NOT NULL,
    words TEXT NOT NULL,
    kind TEXT NOT NULL,
    line INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX symbols_by_block ON symbols (block);
  CREATE INDEX symbols_by_lower ON symbols (lower);
  CREATE INDEX symbols_by_words ON symbols (words);
  `,
  // Index entries get the version of the look-up that made them: '' for those of older stores, which are made anew.
  // Keys and values may go while their block stays; \`used_at\` (ms since 1970) tells which are missed least.
  `
  ALTER TABLE block_index RENAME TO unversioned_index;
  CREATE TABLE block_index (
    block INTEGER PRIMARY KEY REFERENCES blocks ON DELETE CASCADE,
    version TEXT NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  INSERT INTO block_index SELECT block, '', data FROM unversioned_index;
  DROP TABLE unversioned_index;
  CREATE INDEX block_index_by_version ON block_index (version);
  CREATE TABLE block_use (
    block INTEGER PRIMARY KEY REFERENCES blocks ON DELETE CASCADE,
    used_at INTEGER NOT NULL
  ) STRICT;
  `,
  // The memory of the strategy \`infini\`: sums by the version of its weights, and which segments are in them how many times. No
  // reference to \`segments\`: what is in a sum stays in it when its segment is pruned.
  `
  CREATE TABLE infini_memories (version TEXT PRIMARY KEY, revision INTEGER NOT NULL, sums BLOB NOT NULL) STRICT;
  CREATE TABLE infini_segments (
    version TEXT NOT NULL REFERENCES infini_memories ON DELETE CASCADE,
    segment INTEGER NOT NULL,
    copies INTEGER NOT NULL,
    PRIMARY KEY (version, segment)
  ) STRICT, WITHOUT ROWID;
  `,
  // The bank of the strategy \`longmem\`: one layer of each block's keys and values.
  `
  CREATE TABLE longmem_bank (
    block INTEGER PRIMARY KEY REFERENCES blocks ON DELETE CASCADE,
    layer INTEGER NOT NULL,
    data BLOB NOT NULL
  ) STRICT;
  `,
];

/** The schema version that this code reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The version that a store was left at; 0 for an empty file. */
export function schemaVersion(connection: Connection): number {
  return Number(connection.pragma("user_version", { simple: true }));
}

/**
 * Brings a store to `target`, all steps in one transaction. Two processes may open the same old store at once: the
 * version is read again under the write lock.
 */
export function migrate(connection: Connection, target: number = SCHEMA_VERSION): void {
  if (schemaVersion(connection) >= target) return;
  const steps = connection.transaction(() => {
    for (const step of MIGRATIONS.slice(schemaVersion(connection), target)) connection.exec(step);
    connection.pragma(`user_version = ${target}`);
  });
  steps.immediate();
}
