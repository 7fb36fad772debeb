import type Database from "better-sqlite3";

/** A SQLite connection; only `store/` holds one. */
export type Connection = Database.Database;
