/** Write numbers and moments as people read them. */

export function watts(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 1000 ? `${Math.round(value)} W` : `${(value / 1000).toFixed(1)} kW`;
}

export function energy(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${Math.round(value)} Wh` : `${(value / 1000).toFixed(2)} kWh`;
}

export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1000
    ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
    : `${(value / 1000).toFixed(1)} s`;
}

const UNITS: readonly [number, string][] = [
  [86_400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Say how long something takes or took, in its largest unit. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [size, unit] = UNITS.find(([least]) => whole >= least) ?? [1, "s"];
  return `${Math.floor(whole / size)} ${unit}`;
}

/** Say how long ago a moment was. */
export function ago(moment: string | null | undefined, now: number = Date.now()): string {
  if (!moment) return "never";
  return `${duration((now - Date.parse(moment)) / 1000)} ago`;
}

// One clock everywhere, of 24 hours: times are compared across pages, and with logs.
const HOUR = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const FORMATS = {
  minute: new Intl.DateTimeFormat(undefined, HOUR),
  second: new Intl.DateTimeFormat(undefined, { ...HOUR, second: "2-digit" }),
  millisecond: new Intl.DateTimeFormat(undefined, {
    ...HOUR,
    second: "2-digit",
    fractionalSecondDigits: 3,
  }),
};
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/** Write the time of day, in local time. */
export function clock(date: Date, to: keyof typeof FORMATS = "second"): string {
  return FORMATS[to].format(date);
}

/** Write the day, in local time. */
export function dayOf(date: Date): string {
  return DAY.format(date);
}

/** Write a moment in local time; only the time where it is of today. */
export function moment(text: string | null | undefined): string {
  if (!text) return "–";
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${dayOf(date)}, ${clock(date)}`;
}
