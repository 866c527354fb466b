/** How a connector is, in words. */

import { duration, number } from "../lib/format";
import type { ConnectorStatus } from "./types";

/** Say how far behind it is. */
export function lag({ lag_records, lag_seconds }: ConnectorStatus): string {
  if (lag_records === 0) return "none";
  return `${number(lag_records)} records, ${duration(lag_seconds)}`;
}
