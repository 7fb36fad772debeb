/** Figures as people read them, in the language of the editor. */

/** What puts a sentence into the user's language: `vscode.l10n`, or what a test puts in its place. */
export interface Localisation {
  t(message: string, ...values: (string | number)[]): string;
}

const UNITS = ["kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** 12,345 with the language's own separators. */
export function count(value: number, language: string): string {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 0 }).format(value);
}

/** Bytes in powers of 1000, in kilobytes at least: "98 MB". */
export function bytes(value: number, language: string): string {
  const power = value < 1000 ? 0 : Math.min(Math.floor(Math.log10(value) / 3) - 1, UNITS.length - 1);
  const scaled = value / 1000 ** (power + 1);
  const digits = scaled < 10 ? 1 : 0;
  const options = { style: "unit", unit: UNITS[power], unitDisplay: "short", maximumFractionDigits: digits } as const;
  return new Intl.NumberFormat(language, options).format(scaled);
}

/** 0.274 as "27 %", never rounded up to all of it. */
export function percent(share: number, language: string): string {
  const whole = Math.floor(100 * Math.min(1, Math.max(0, share))) / 100;
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(whole);
}

/** Seconds to wait: "less than a minute", "4 min", "2 h 10 min". */
export function timeLeft(seconds: number, l10n: Localisation): string {
  if (seconds < 60) return l10n.t("less than a minute");
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? l10n.t("{0} min", minutes) : l10n.t("{0} h {1} min", Math.floor(minutes / 60), minutes % 60);
}
