/** Write numbers and moments as people read them: all of them in the language of the words around. */

// Not that of the browser: 1.234 would be another number on the next desk.
const LANGUAGE = "en-GB";

/** Write a number, with at least and at most so many digits behind the point. */
export function number(value: number, least = 0, most = least): string {
  // Chargers also say 1e300, which has a hundred commas.
  if (Math.abs(value) >= TOO_LONG) return value.toExponential(2);
  const known = NUMBERS.get(`${least} ${most}`) ?? numbers(least, most);
  return known.format(value);
}

const TOO_LONG = 1e15;

// To make one takes longer than to write a whole table with it.
const NUMBERS = new Map<string, Intl.NumberFormat>();

function numbers(least: number, most: number): Intl.NumberFormat {
  const made = new Intl.NumberFormat(LANGUAGE, {
    minimumFractionDigits: least,
    maximumFractionDigits: most,
    signDisplay: "negative",
  });
  NUMBERS.set(`${least} ${most}`, made);
  return made;
}

export function watts(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 1000 ? `${number(value)} W` : `${number(value / 1000, 1)} kW`;
}

export function energy(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${number(value)} Wh` : `${number(value / 1000, 2)} kWh`;
}

const SIZES = ["B", "kB", "MB", "GB", "TB"];

/** Write a size in its largest unit. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return "–";
  const place = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), SIZES.length - 1);
  return `${number(count / 1000 ** place, place === 0 ? 0 : 1)} ${SIZES[place]}`;
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
  minute: new Intl.DateTimeFormat(LANGUAGE, HOUR),
  second: new Intl.DateTimeFormat(LANGUAGE, { ...HOUR, second: "2-digit" }),
  millisecond: new Intl.DateTimeFormat(LANGUAGE, {
    ...HOUR,
    second: "2-digit",
    fractionalSecondDigits: 3,
  }),
};
const DAY_OF_MONTH = new Intl.DateTimeFormat(LANGUAGE, { day: "numeric", month: "short" });
const DAY = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium" });

/** Write the time of day, in local time. */
export function clock(date: Date, to: keyof typeof FORMATS = "second"): string {
  return FORMATS[to].format(date);
}

/** Write the day, in local time. */
export function dayOf(date: Date): string {
  return DAY.format(date);
}

/** Write the day without its year, in local time. */
export function dayOfMonth(date: Date): string {
  return DAY_OF_MONTH.format(date);
}

/** Write a moment in local time; only the time where it is of today. */
export function moment(text: string | null | undefined): string {
  if (!text) return "–";
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return today ? clock(date) : `${dayOf(date)}, ${clock(date)}`;
}
