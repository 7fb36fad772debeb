/** Numbers, times and paths as people read them. */
import { language, t } from "./l10n.ts";

const UNITS = ["B", "KB", "MB", "GB", "TB"];

/** 1234 as "1,234"; from 10,000 on in thousands: "148 k", "1.2 M". */
export function count(value: number): string {
  if (value < 10_000) return Math.round(value).toLocaleString(language);
  return value < 1_000_000 ? `${Math.round(value / 1000)} k` : `${decimal(value / 1_000_000)} M`;
}

/** Bytes in powers of 1000: "98 MB". */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), UNITS.length - 1);
  const scaled = value / 1000 ** power;
  return `${scaled < 10 && power > 0 ? decimal(scaled) : Math.round(scaled)} ${UNITS[power] ?? ""}`;
}

/** Milliseconds as "340 ms" or "2.1 s". */
export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${decimal(milliseconds / 1000)} s`;
}

/** Seconds to wait as "less than a minute", "4 min", "2 h 10 min". */
export function timeLeft(seconds: number): string {
  if (seconds < 60) return t("less than a minute");
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? t("{0} min", minutes) : t("{0} h {1} min", Math.floor(minutes / 60), minutes % 60);
}

/** A time that is past, as seen from `now`: "2 hours ago", later the date. Milliseconds since 1970. */
export function ago(time: number, now = Date.now()): string {
  const minutes = Math.round((time - now) / 60_000);
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  if (minutes > -60) return words.format(Math.min(0, minutes), "minute");
  if (minutes > -60 * 24) return words.format(Math.round(minutes / 60), "hour");
  if (minutes > -60 * 24 * 7) return words.format(Math.round(minutes / 60 / 24), "day");
  return new Date(time).toLocaleDateString(language, { dateStyle: "medium" });
}

const NOUNS = {
  file: (value: number) => (value === 1 ? t("1 file") : t("{0} files", count(value))),
  passage: (value: number) => (value === 1 ? t("1 passage") : t("{0} passages", count(value))),
  source: (value: number) => (value === 1 ? t("1 source") : t("{0} sources", count(value))),
  question: (value: number) => (value === 1 ? t("1 question") : t("{0} questions", count(value))),
};

/** "1 file", "3 files". */
export function plural(value: number, noun: keyof typeof NOUNS): string {
  return NOUNS[noun](value);
}

/** The last name of a path, and what stands before it (with its `/`). */
export function splitPath(path: string): { folder: string; name: string } {
  const at = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, at), name: path.slice(at) };
}

function decimal(value: number): string {
  return value.toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
