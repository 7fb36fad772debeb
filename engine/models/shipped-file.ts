import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Folders of data that come with the program. */
type ShippedFolder = "projections" | "strategies";

/**
 * Where a file that comes with the program lies: in the sources beside this module's folder, in a build beside the bundles.
 * Undefined where there is none.
 */
export function shippedFile(folder: ShippedFolder, name: string): string | undefined {
  const places = [`./${folder}/${name}`, `../${folder}/${name}`];
  return places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) => existsSync(path));
}
