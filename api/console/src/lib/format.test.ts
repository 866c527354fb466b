import { expect, test } from "vitest";
import { clock, moment } from "./format";

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
