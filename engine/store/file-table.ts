import type { Connection } from "./connection.ts";

/** A file as it was when it was read. */
export interface FileRecord {
  /** Relative to the folder, with `/`. */
  path: string;
  /** sha256 (hex) of the bytes; "" when the file has to be read again. */
  contentHash: string;
  /** In bytes. */
  size: number;
  /** -1 when the time cannot vouch for the content (the file was written as it was read). */
  mtimeNs: bigint;
}

/** One segment's place in a file: its first line, 1-based. */
export interface SegmentPlace {
  segment: number;
  startLine: number;
}

interface FileRow {
  path: string;
  content_hash: string;
  size: number;
  mtime_ns: string;
}

/** Files and the segments that they consist of. Segments that no file lists are not live. */
export class FileTable {
  readonly #one;
  readonly #all;
  readonly #upsert;
  readonly #remove;
  readonly #segments;
  readonly #clearSegments;
  readonly #addSegment;
  readonly #stale;
  readonly #allStale;
  readonly #under;

  constructor(connection: Connection) {
    const columns = "path, content_hash, size, mtime_ns";
    this.#one = connection.prepare<[string], FileRow>(`SELECT ${columns} FROM files WHERE path = ?`);
    this.#all = connection.prepare<[], FileRow>(`SELECT ${columns} FROM files ORDER BY path`);
    this.#upsert = connection.prepare<[string, string, number, string], { id: number }>(
      `INSERT INTO files (${columns}) VALUES (?, ?, ?, ?)
       ON CONFLICT (path) DO UPDATE SET content_hash = excluded.content_hash, size = excluded.size, mtime_ns = excluded.mtime_ns
       RETURNING id`,
    );
    this.#remove = connection.prepare<[string]>("DELETE FROM files WHERE path = ?");
    this.#segments = connection
      .prepare<[string], number>(
        "SELECT DISTINCT segment FROM file_segments WHERE file = (SELECT id FROM files WHERE path = ?)",
      )
      .pluck();
    this.#clearSegments = connection.prepare<[number]>("DELETE FROM file_segments WHERE file = ?");
    this.#addSegment = connection.prepare<[number, number, number, number]>(
      "INSERT INTO file_segments (file, ordinal, segment, start_line) VALUES (?, ?, ?, ?)",
    );
    this.#stale = connection.prepare<[number]>(
      `UPDATE files SET content_hash = '', mtime_ns = '-1'
       WHERE id IN (SELECT file FROM file_segments WHERE segment = ?)`,
    );
    this.#allStale = connection.prepare("UPDATE files SET content_hash = '', mtime_ns = '-1'");
    // "0" is the character after "/".
    this.#under = connection
      .prepare<{ path: string }, string>(
        "SELECT path FROM files WHERE path = :path OR (path >= :path || '/' AND path < :path || '0') ORDER BY path",
      )
      .pluck();
  }

  under(path: string): string[] {
    return this.#under.all({ path });
  }

  get(path: string): FileRecord | undefined {
    const row = this.#one.get(path);
    return row && toRecord(row);
  }

  all(): FileRecord[] {
    return this.#all.all().map(toRecord);
  }

  /** Writes the file's record and replaces its list of segments. */
  put(file: FileRecord, places: readonly SegmentPlace[]): void {
    const row = this.#upsert.get(file.path, file.contentHash, file.size, String(file.mtimeNs));
    if (row === undefined) throw new Error("the upsert returned no row");
    this.#clearSegments.run(row.id);
    for (const [ordinal, place] of places.entries())
      this.#addSegment.run(row.id, ordinal, place.segment, place.startLine);
  }

  /** Ids of the segments that the file consists of. */
  segmentsOf(path: string): number[] {
    return this.#segments.all(path);
  }

  markAllStale(): void {
    this.#allStale.run();
  }

  remove(path: string): void {
    this.#remove.run(path);
  }

  /** Makes every file that holds `segment` be read again. */
  markStale(segment: number): void {
    this.#stale.run(segment);
  }
}

function toRecord(row: FileRow): FileRecord {
  return { path: row.path, contentHash: row.content_hash, size: row.size, mtimeNs: BigInt(row.mtime_ns) };
}
