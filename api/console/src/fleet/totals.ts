/** What a fleet comes to. */

import { type FleetRow, linkWaits } from "./row";

export interface Totals {
  chargers: number;
  connected: number;
  charging: number;
  faulted: number;
  linksWaiting: number;
  links: number;
  power: number | null;
  sessions: number;
}

export function totals(rows: readonly FleetRow[]): Totals {
  const sum: Totals = {
    chargers: rows.length,
    connected: 0,
    charging: 0,
    faulted: 0,
    linksWaiting: 0,
    links: 0,
    power: null,
    sessions: 0,
  };
  for (const row of rows) {
    if (row.connected) sum.connected += 1;
    if (row.state === "charging") sum.charging += 1;
    if (row.state === "faulted") sum.faulted += 1;
    if (linkWaits(row)) sum.linksWaiting += 1;
    if (row.target) sum.links += 1;
    if (row.power_w !== null) sum.power = (sum.power ?? 0) + row.power_w;
    sum.sessions += row.running_transactions;
  }
  return sum;
}
