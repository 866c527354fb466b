import { expect, test } from "vitest";
import { doubtWords, endWords, lasted } from "./sessions";

test("a duration is in hours and minutes", () => {
  const startedAt = "2026-11-01T12:00:00Z";
  const now = new Date("2026-11-01T12:59:59Z");
  expect(lasted({ startedAt, stoppedAt: null }, now)).toBe("59 min");
  expect(lasted({ startedAt, stoppedAt: "2026-11-01T14:05:00Z" }, now)).toBe("2 h 05 min");
});

test("how it ended is said in words", () => {
  const none = { stopReason: null, stopAskedAt: null, endedBy: null };
  expect(endWords({ ...none, state: "running" })).toBe("–");
  expect(endWords({ ...none, state: "orphan" })).toBe("its start never came");
  expect(endWords({ ...none, state: "ended", endedBy: "operator", stopReason: "Remote" })).toBe(
    "ended by the operator (Remote)",
  );
  expect(doubtWords("clock_ahead")).toBe("The charger's clock is ahead.");
});
