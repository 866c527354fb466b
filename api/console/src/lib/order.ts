/** Sort as people do: CP-9 before CP-10, upper and lower case alike, what is not known at the end. */

export type Value = string | number | null | undefined;

const DIGITS = /\d+/g;
const WIDEST = 12;

/** Return what compares as a text reads; made once per row, so that comparing is cheap. */
export function sortable(value: Value): string | number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "number") return value;
  return value.toLowerCase().replace(DIGITS, (digits) => digits.padStart(WIDEST, "0"));
}

/** Compare two values of one column. */
export function compare(one: Value, other: Value): number {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  return one < other ? -1 : 1;
}
