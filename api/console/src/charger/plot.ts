/** What the power plot draws, says in a sentence and lists in a table: all of one answer. */

import { duration, watts } from "../lib/format";
import type { Power } from "./types";

/** One line of the plot: x in s since 1970, y in W; null breaks the line. */
export interface Line {
  label: string;
  kind: "power" | "limit";
  evse: number;
  x: number[];
  y: (number | null)[];
}

export interface Range {
  id: string;
  label: string;
  seconds: number;
  /** How much of what is to come is shown. */
  ahead: number;
  /** It is asked for anew after so many s: of a long time much is read, and little changes. */
  every: number;
}

export const RANGES: readonly Range[] = [
  { id: "15m", label: "15 min", seconds: 900, ahead: 120, every: 5 },
  { id: "1h", label: "1 h", seconds: 3600, ahead: 600, every: 5 },
  { id: "6h", label: "6 h", seconds: 6 * 3600, ahead: 3600, every: 15 },
  { id: "24h", label: "24 h", seconds: 24 * 3600, ahead: 3 * 3600, every: 60 },
  // The server shows seven days at most.
  { id: "7d", label: "7 d", seconds: 7 * 86_400 - 300, ahead: 6 * 3600, every: 300 },
];

export function placeName(evse: number): string {
  return evse === 0 ? "Station" : `EVSE ${evse}`;
}

/** Return the lines of a plot from `since` to `until`, in s since 1970. */
export function linesOf(power: Power, since: number, until: number): Line[] {
  const silence = Math.max(600, (until - since) / 48);
  const measured = power.evses.map(({ evse_id, points }) => ({
    label: placeName(evse_id),
    kind: "power" as const,
    evse: evse_id,
    ...broken(
      points.map(({ timestamp, watts }) => [at(timestamp), watts]),
      silence,
    ),
  }));
  const whole = told(power.limits.find(({ evse_id }) => evse_id === 0)?.steps ?? []);
  const limits = power.limits
    .filter(({ steps }) => steps.some(({ watts }) => watts !== null))
    // What limits the station limits each EVSE: once is enough to be seen.
    .filter(({ evse_id, steps }) => evse_id === 0 || told(steps) !== whole)
    .map(({ evse_id, steps }) => ({
      label: `${placeName(evse_id)} limit`,
      kind: "limit" as const,
      evse: evse_id,
      ...stairs(steps, since, until),
    }));
  return [...measured, ...limits];
}

/** What steps come to, to be compared. */
function told(steps: Steps): string {
  return steps.map(({ begin, watts }) => `${begin} ${watts}`).join();
}

type Steps = Power["limits"][number]["steps"];

function at(moment: string): number {
  return Date.parse(moment) / 1000;
}

/** Break a line where nothing was told for longer than `silence`. */
function broken(points: [number, number][], silence: number): Pick<Line, "x" | "y"> {
  const x: number[] = [];
  const y: (number | null)[] = [];
  for (const [moment, value] of points) {
    const last = x.at(-1);
    if (last !== undefined && moment - last > silence) {
      x.push(last + silence);
      y.push(null);
    }
    x.push(moment);
    y.push(value);
  }
  return { x, y };
}

/** Lay steps out between two moments; the last one goes on to the end. */
function stairs(
  steps: { begin: string; watts: number | null }[],
  since: number,
  until: number,
): Pick<Line, "x" | "y"> {
  const byX = new Map<number, number | null>();
  for (const { begin, watts } of steps) {
    if (at(begin) < until) byX.set(Math.max(at(begin), since), watts);
  }
  const last = [...byX.values()].at(-1);
  if (last !== undefined) byX.set(until, last);
  return { x: [...byX.keys()], y: [...byX.values()] };
}

/** Return what a line has at a moment: of a limit its step, of power the last that was measured. */
export function valueAt({ x, y }: Line, moment: number): number | null {
  return y[x.findLastIndex((one) => one <= moment)] ?? null;
}

/** Return what limits a place at a moment, by its steps. */
export function limitAt(power: Power, evse: number, moment: string): number | null {
  const steps = power.limits.find(({ evse_id }) => evse_id === evse)?.steps ?? [];
  return steps.findLast(({ begin }) => Date.parse(begin) <= Date.parse(moment))?.watts ?? null;
}

/** Say in words how it stands now and what comes next. */
export function inWords(power: Power, now: Date): string {
  const moment = now.toISOString();
  const told = power.evses.map(({ evse_id, points }) => {
    const newest = points.at(-1);
    const drawn = newest
      ? `${placeName(evse_id)} took ${watts(newest.watts)} ${since(newest.timestamp, now)}`
      : `${placeName(evse_id)} has told no power in this time`;
    return `${drawn}${limitWords(limitAt(power, evse_id, moment))}.`;
  });
  const station = limitAt(power, 0, moment);
  const whole = station === null ? [] : [`The station is limited to ${watts(station)}.`];
  const sentences = [...told, ...whole, ...nextChange(power, now)];
  return sentences.length ? sentences.join(" ") : "No power has been told in this time.";
}

function since(moment: string, now: Date): string {
  const seconds = (now.getTime() - Date.parse(moment)) / 1000;
  return seconds < 10 ? "just now" : `${duration(seconds)} ago`;
}

function limitWords(limit: number | null): string {
  return limit === null ? "" : `, limited to ${watts(limit)}`;
}

function nextChange(power: Power, now: Date): string[] {
  const coming = power.limits
    .flatMap(({ evse_id, steps }) => steps.map((step) => ({ evse_id, ...step })))
    .filter(({ begin }) => Date.parse(begin) > now.getTime())
    .sort((one, other) => Date.parse(one.begin) - Date.parse(other.begin));
  const [next] = coming;
  if (!next) return [];
  const wait = duration((Date.parse(next.begin) - now.getTime()) / 1000);
  const limit = next.watts === null ? "has no limit" : `is limited to ${watts(next.watts)}`;
  return [`In ${wait} ${placeName(next.evse_id)} ${limit}.`];
}

export interface PlotRow {
  timestamp: string;
  /** By place, in the order of `placesOf`. */
  cells: { power: number | null; limit: number | null }[];
}

/** Return the places that the table has columns for. */
export function placesOf(power: Power): number[] {
  const known = [...power.evses, ...power.limits].map(({ evse_id }) => evse_id);
  return [...new Set(known)].sort((one, other) => one - other);
}

/** Return what was measured and what limited it then, newest first. */
export function rowsOf(power: Power, now: Date, most = 200): PlotRow[] {
  const places = placesOf(power);
  const measured = new Map<string, Map<number, number>>();
  for (const { evse_id, points } of power.evses) {
    for (const { timestamp, watts } of points) {
      const row = measured.get(timestamp) ?? new Map<number, number>();
      measured.set(timestamp, row.set(evse_id, watts));
    }
  }
  for (const { begin } of power.limits.flatMap(({ steps }) => steps)) {
    if (Date.parse(begin) <= now.getTime() && !measured.has(begin)) measured.set(begin, new Map());
  }
  return [...measured.keys()]
    .sort((one, other) => Date.parse(other) - Date.parse(one))
    .slice(0, most)
    .map((timestamp) => ({
      timestamp,
      cells: places.map((place) => ({
        power: measured.get(timestamp)?.get(place) ?? null,
        limit: limitAt(power, place, timestamp),
      })),
    }));
}
