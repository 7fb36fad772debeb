import type { Coverage, LineRange, ScoredRange } from "../protocol/requests.ts";

const grouped = new Intl.NumberFormat("en");

/** 12345 as "12,345". */
export function count(value: number): string {
  return grouped.format(Math.round(value));
}

/** "1 file", "2 files"; `many` where an s does not make the plural. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Bytes in the largest unit that keeps a number above one: "94.3 MB". */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${(value / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ""}`;
}

/** Seconds for people: "0.8 s", "12 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** "engine/cli.ts:3-9", the form that editors and terminals make a link of. */
export function lines({ path, startLine, endLine }: LineRange): string {
  return startLine === endLine ? `${path}:${startLine}` : `${path}:${startLine}-${endLine}`;
}

/** A list of ranges with their scores, one a line. */
export function rangeList(ranges: readonly ScoredRange[]): string {
  const width = Math.max(0, ...ranges.map((range) => lines(range).length));
  return ranges.map((range) => `  ${lines(range).padEnd(width)}  ${range.score.toFixed(3)}`).join("\n");
}

/** "Read so far: 34 %."; undefined when all is in memory. */
export function readSoFar(coverage: Coverage | undefined): string | undefined {
  if (coverage === undefined || coverage.tokens >= coverage.of) return undefined;
  return `Read so far: ${Math.floor((100 * coverage.tokens) / coverage.of)} %.`;
}
