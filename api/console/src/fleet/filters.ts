/** Which rows of the fleet one wants to see. */

import type { FleetRow } from "./row";
import { linkWaits } from "./row";

export interface Filters {
  /** Words that are all in its id, name, site or model. */
  search: string;
  state: string;
  version: string;
  /** A state of a target link; `waiting`: any that is not as it should be; `none`: no target. */
  link: string;
  site: string;
}

export const FILTER_NAMES = ["search", "state", "version", "link", "site"] as const;

export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  return Object.fromEntries(
    FILTER_NAMES.map((name) => [name, query[name] ?? ""]),
  ) as unknown as Filters;
}

export function filtered(filters: Filters): boolean {
  return FILTER_NAMES.some((name) => filters[name] !== "");
}

/** Return the rows that pass; `siteNames` by site_id. */
export function passing(
  rows: readonly FleetRow[],
  filters: Filters,
  siteNames: ReadonlyMap<string, string>,
): readonly FleetRow[] {
  const words = filters.search.toLowerCase().split(/\s+/).filter(Boolean);
  const tests: ((row: FleetRow) => boolean)[] = [];
  if (filters.state) tests.push(ofState(filters.state));
  if (filters.version) tests.push(({ ocpp_version }) => ocpp_version === filters.version);
  if (filters.link) tests.push(ofLink(filters.link));
  if (filters.site) tests.push(({ site_id }) => (site_id ?? "none") === filters.site);
  // The dearest comes last: most rows are out by then.
  if (words.length > 0)
    tests.push((row) => words.every((word) => said(row, siteNames).includes(word)));
  return tests.length === 0 ? rows : rows.filter((row) => tests.every((test) => test(row)));
}

function ofState(state: string): (row: FleetRow) => boolean {
  return state === "connected" ? ({ connected }) => connected : (row) => row.state === state;
}

function ofLink(state: string): (row: FleetRow) => boolean {
  if (state === "waiting") return linkWaits;
  if (state === "none") return ({ target }) => target === null;
  return ({ target }) => target?.state === state;
}

// What is searched is put together once for each row, and goes when the row goes.
const SAID = new WeakMap<FleetRow, string>();

function said(row: FleetRow, siteNames: ReadonlyMap<string, string>): string {
  const known = SAID.get(row);
  if (known !== undefined) return `${known}${site(row, siteNames)}`;
  const text = [row.charge_box_id, row.charger_name, row.vendor_name, row.model_name, ""]
    .join("\n")
    .toLowerCase();
  SAID.set(row, text);
  return `${text}${site(row, siteNames)}`;
}

function site({ site_id }: FleetRow, siteNames: ReadonlyMap<string, string>): string {
  return site_id === null ? "" : (siteNames.get(site_id) ?? site_id).toLowerCase();
}
