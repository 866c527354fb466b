import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bytes, clock, dayOf, energy, moment, number, watts } from "./format";

const EVENING = new Date(2026, 2, 4, 21, 7, 5, 42);
const MIDNIGHT = new Date(2026, 2, 4, 0, 0, 0, 0);

test("the clock has 24 hours everywhere", () => {
  expect(clock(EVENING)).toBe("21:07:05");
  expect(clock(EVENING, "minute")).toBe("21:07");
  expect(clock(EVENING, "millisecond")).toMatch(/^21:07:05[.,]042$/);
  expect(clock(MIDNIGHT)).toBe("00:00:00");
});

test("a moment of another day has its day", () => {
  expect(moment(EVENING.toISOString())).toMatch(/2026, 21:07:05$/);
});

test("a number is written one way, whatever the language of the browser", () => {
  expect([number(1234567), number(-0.4), number(1234.5, 1), number(0.1 + 0.2, 0, 3)]).toEqual([
    "1,234,567",
    "0",
    "1,234.5",
    "0.3",
  ]);
  expect([watts(999), watts(-1_234_567), energy(7), energy(1_234_567)]).toEqual([
    "999 W",
    "-1,234.6 kW",
    "7 Wh",
    "1,234.57 kWh",
  ]);
  expect([bytes(12), bytes(1200), bytes(3_400_000), bytes(null)]).toEqual([
    "12 B",
    "1.2 kB",
    "3.4 MB",
    "–",
  ]);
  expect([number(-1e300), watts(1e306)]).toEqual(["-1.00e+300", "1.00e+303 kW"]);
  expect(dayOf(EVENING)).toBe("4 Mar 2026");
});

test("nothing else writes numbers and moments in a way of its own", () => {
  const place = new URL("..", import.meta.url);
  const others = readdirSync(place, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name) && !name.startsWith("lib/format"))
    .filter((name) =>
      /toLocale\w*String|toFixed|Intl\./.test(readFileSync(new URL(name, place), "utf8")),
    );
  expect(others).toEqual([]);
});
