/** How a connector is, in words. */

import { duration } from "../lib/format";
import type { ConnectorStatus } from "./types";

/** Say how far behind it is. */
export function lag({ lag_records, lag_seconds }: ConnectorStatus): string {
  if (lag_records === 0) return "none";
  return `${lag_records.toLocaleString()} records, ${duration(lag_seconds)}`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Write a size in its largest unit. */
export function bytes(count: number): string {
  const place = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), UNITS.length - 1);
  const value = count / 1000 ** place;
  return `${place === 0 ? value : value.toFixed(1)} ${UNITS[place]}`;
}
