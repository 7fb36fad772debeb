import type { Localisation } from "../../extension/status/figures.ts";

/** What the editor says where no language but English is chosen. */
export const english: Localisation = {
  t: (message, ...values) => message.replace(/\{(\d)\}/g, (_, index) => `${values[Number(index)]}`),
};
