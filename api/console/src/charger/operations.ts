/** What a form of an operation is made of: its fields, and the request made of them. */

import type { Scope } from "../lib/may";
import type { Station, Transaction } from "./types";

/** What a form knows of its charger. */
export interface Scene {
  id: string;
  /** Of the connection now, or of the last one. */
  version: string | null;
  station: Station;
}

/** All inputs are texts; a tick is "yes" or "". */
export type Values = Readonly<Record<string, string>>;

export interface FieldOf {
  name: string;
  label: string;
  hint?: string;
  kind?: "text" | "number" | "select" | "tick" | "secret" | "moment" | "lines";
  options?: readonly (readonly [value: string, label: string])[];
  required?: boolean;
  /** Folded away under "Options" at first. */
  more?: boolean;
  /** What the server calls it; its name where that is the same. */
  paths?: readonly string[];
  min?: number;
  max?: number;
}

export interface Sent {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  body?: unknown;
  /** The body as it was written, which is sent in place of `body`: no digit of it is another. */
  text?: string;
}

export interface Operation {
  id: string;
  group: string;
  title: string;
  about: string;
  /** Only for these OCPP versions: "1" is 1.6, "2" is 2.0.1 and 2.1. */
  only?: "1" | "2";
  /** The scope that it takes, where that is not operate. */
  needs?: Scope;
  /** The word on its button. */
  verb: string;
  fields: (scene: Scene, values: Values) => readonly FieldOf[];
  initial?: (scene: Scene) => Values;
  request: (scene: Scene, values: Values) => Sent;
  /** What to ask before it is sent, where it is not undone. */
  asks?: (scene: Scene, values: Values) => string | null;
}

export function stationPath(id: string): string {
  return `/api/chargingStations/${encodeURIComponent(id)}`;
}

/** Return the path of an action in the words of the charger's OCPP version. */
export function commandPath(id: string, action: string): string {
  return `${stationPath(id)}/commands/${action}`;
}

/** Return the path of a place: "0" is the station, a number an EVSE. */
export function placePath(id: string, evse: string | undefined): string {
  return evse && evse !== "0" ? `${stationPath(id)}/evses/${evse}` : stationPath(id);
}

/** Return the numbers of the EVSEs that are known of a charger; one where none has been told. */
export function evsesOf({ connectors, evses }: Station): number[] {
  const told = [...connectors, ...evses].map(({ evseId }) => evseId).filter((evse) => evse > 0);
  return [...new Set(told.length ? told : [1])].sort((one, other) => one - other);
}

export function evseField(
  { station }: Scene,
  more: Partial<FieldOf> & { whole?: string } = {},
): FieldOf {
  const { whole, ...rest } = more;
  const all = whole ? ([["0", whole]] as const) : [];
  const each = evsesOf(station).map((evse) => [String(evse), `EVSE ${evse}`] as const);
  return { name: "evse", label: "Where", kind: "select", options: [...all, ...each], ...rest };
}

/** Name a running transaction as one finds it again. */
export function transactionName({ transactionId, evseId, idToken }: Transaction): string {
  return `${transactionId} on EVSE ${evseId}${idToken ? ` (${idToken})` : ""}`;
}

/** Return values without those that are not given, numbers as numbers. */
export function given(values: Values, texts: string[], numbers: string[] = []): object {
  const kept = (names: string[]) => names.filter((name) => values[name]);
  return Object.fromEntries([
    ...kept(texts).map((name) => [name, values[name]]),
    ...kept(numbers).map((name) => [name, Number(values[name])]),
  ]);
}

/** Write the moment of an input, which is local, as the API takes it. */
export function momentOf(value: string | undefined): string | undefined {
  const date = new Date(value ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
