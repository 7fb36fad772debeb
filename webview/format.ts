/** Numbers as people read them. */

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** 1234 as "1,234"; from 10,000 on in thousands: "148 k", "1.2 M". */
export function count(value: number): string {
  if (value < 10_000) return Math.round(value).toLocaleString("en");
  return value < 1_000_000 ? `${Math.round(value / 1000)} k` : `${(value / 1_000_000).toFixed(1)} M`;
}

/** Bytes in powers of 1000: "98 MB". */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1);
  const scaled = value / 1000 ** power;
  return `${scaled < 10 && power > 0 ? scaled.toFixed(1) : Math.round(scaled)} ${UNITS[power] ?? ""}`;
}

/** Milliseconds as "340 ms" or "2.1 s". */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Seconds to wait as "less than a minute", "4 min", "2 h 10 min". */
export function timeLeft(seconds: number): string {
  if (seconds < 60) return "less than a minute";
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "1 file", "3 files". */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** The last name of a path, and what stands before it (with its `/`). */
export function splitPath(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, at), name: path.slice(at) };
}
