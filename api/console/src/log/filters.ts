/** Which messages one wants to see: what the server is asked for, and what is picked of that here. */

import type { Query } from "../lib/place";
import type { Exchange } from "./pairing";
import { type Beginner, beginner, failed, texts } from "./words";

export interface Filters {
  charge_box_id: string;
  action: string;
  message_id: string;
  /** Moments as an input of the type datetime-local has them. */
  since: string;
  until: string;
  by: "" | Beginner;
  errors: "" | "yes";
  text: string;
}

export const NONE: Filters = {
  charge_box_id: "",
  action: "",
  message_id: "",
  since: "",
  until: "",
  by: "",
  errors: "",
  text: "",
};

/** Read the filters of an address; what it does not know is left out. */
export function filtersOf(query: Query): Filters {
  const given = Object.fromEntries(
    Object.keys(NONE).map((name) => [name, query[name] ?? ""]),
  ) as unknown as Filters;
  const by = ["charger", "ringmain", "target"].includes(given.by) ? given.by : "";
  return { ...given, by, errors: given.errors ? "yes" : "" };
}

/** Return what the server is asked for. */
export function asked({ charge_box_id, action, message_id, since, until }: Filters): Query {
  return { charge_box_id, action, message_id, since: moment(since), until: moment(until) };
}

function moment(local: string): string {
  const date = new Date(local);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** Tell whether something is picked of what the server tells. */
export function picks({ by, errors, text }: Filters): boolean {
  return by !== "" || errors !== "" || text !== "";
}

/** Return the exchanges that one wants to see. */
export function picked(
  rows: readonly Exchange[],
  { by, errors, text }: Filters,
  now: number,
): readonly Exchange[] {
  if (!by && !errors && !text) return rows;
  const wanted = text.toLowerCase();
  return rows.filter(
    (row) =>
      (!by || beginner(row) === by) &&
      (!errors || failed(row, now)) &&
      (!wanted || texts(row).some((one) => one.toLowerCase().includes(wanted))),
  );
}
