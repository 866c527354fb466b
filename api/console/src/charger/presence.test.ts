import { expect, test } from "vitest";
import { closeWords, piecesOf, shareOf } from "./presence";

const at = (hour: number) => new Date(Date.UTC(2026, 10, 1, hour)).toISOString();
const seconds = (hour: number) => Date.parse(at(hour)) / 1000;

test("a strip has the connections of its time, the open one to its end", () => {
  const spans = [
    { since: at(18), until: null },
    { since: at(6), until: at(12) },
    { since: at(-9), until: at(-3) },
  ];
  const pieces = piecesOf(spans, seconds(0), seconds(24));
  expect(pieces).toEqual([
    { from: 0.25, to: 0.5 },
    { from: 0.75, to: 1 },
  ]);
  expect(shareOf(pieces)).toBeCloseTo(0.5);
});

test("connections that overlap are counted once", () => {
  expect(
    shareOf([
      { from: 0, to: 0.5 },
      { from: 0.25, to: 0.75 },
      { from: 0.3, to: 0.4 },
    ]),
  ).toBeCloseTo(0.75);
});

test("why a connection ended is said in words", () => {
  expect(closeWords({ until: null, close_code: null, close_reason: null })).toBe("still open");
  expect(closeWords({ until: at(1), close_code: 1006, close_reason: "" })).toBe(
    "the connection was lost (1006)",
  );
  expect(closeWords({ until: at(1), close_code: 1008, close_reason: "charger deleted" })).toBe(
    "against a policy (1008): charger deleted",
  );
});
