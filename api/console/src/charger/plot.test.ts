import { expect, test } from "vitest";
import { inWords, limitAt, linesOf, placesOf, rowsOf, valueAt } from "./plot";
import type { Power } from "./types";

const at = (minute: number) => new Date(Date.UTC(2026, 10, 1, 12, minute)).toISOString();
const seconds = (minute: number) => Date.parse(at(minute)) / 1000;
const POWER: Power = {
  evses: [
    {
      evse_id: 1,
      points: [
        { timestamp: at(1), watts: 11000 },
        { timestamp: at(2), watts: 7000 },
        { timestamp: at(40), watts: 7000 },
      ],
    },
  ],
  limits: [
    {
      evse_id: 1,
      steps: [
        { begin: at(-90), watts: null, source: null },
        { begin: at(2), watts: 7400, source: "platform" },
        { begin: at(70), watts: 3700, source: "target" },
      ],
    },
    { evse_id: 2, steps: [{ begin: at(-90), watts: null, source: null }] },
  ],
};

test("a line is broken where nothing was told for long", () => {
  const [measured] = linesOf(POWER, seconds(0), seconds(60));
  expect(measured?.y).toEqual([11000, 7000, null, 7000]);
});

test("limits are stairs from the beginning of the plot to its end, also ahead", () => {
  const lines = linesOf(POWER, seconds(0), seconds(80)).filter(({ kind }) => kind === "limit");
  expect(lines).toEqual([
    {
      label: "EVSE 1 limit",
      kind: "limit",
      evse: 1,
      x: [seconds(0), seconds(2), seconds(70), seconds(80)],
      y: [null, 7400, 3700, 3700],
    },
  ]);
});

test("a limit of the whole station is drawn once", () => {
  const steps = [{ begin: at(2), watts: 7400, source: "platform" }];
  const limits = [0, 1, 2].map((evse_id) => ({ evse_id, steps }));
  const [one, ...others] = linesOf({ evses: [], limits }, seconds(0), seconds(60));
  expect([one?.label, others]).toEqual(["Station limit", []]);
});

test("under the pointer a line has what was told last", () => {
  const [measured] = linesOf(POWER, seconds(0), seconds(60));
  if (!measured) throw new Error("There is a line.");
  expect([0, 1.5, 30].map((minute) => valueAt(measured, seconds(0) + 60 * minute))).toEqual([
    null,
    11000,
    null,
  ]);
});

test("what comes after the plot is left out", () => {
  const limit = linesOf(POWER, seconds(0), seconds(60)).at(-1);
  expect(limit?.y).toEqual([null, 7400, 7400]);
});

test("the limit of a moment is that of the step before it", () => {
  expect(limitAt(POWER, 1, at(1))).toBeNull();
  expect(limitAt(POWER, 1, at(2))).toBe(7400);
  expect(limitAt(POWER, 3, at(2))).toBeNull();
});

test("the plot is told in words, with what comes next", () => {
  expect(inWords(POWER, new Date(at(41)))).toBe(
    "EVSE 1 took 7.0 kW 1 min ago, limited to 7.4 kW. In 29 min EVSE 1 is limited to 3.7 kW.",
  );
  expect(inWords({ evses: [], limits: [] }, new Date())).toBe(
    "No power has been told in this time.",
  );
});

test("the table has what was measured beside what limited it then, newest first", () => {
  expect(placesOf(POWER)).toEqual([1, 2]);
  expect(rowsOf(POWER, new Date(at(41)), 2)).toEqual([
    {
      timestamp: at(40),
      cells: [
        { power: 7000, limit: 7400 },
        { power: null, limit: null },
      ],
    },
    {
      timestamp: at(2),
      cells: [
        { power: 7000, limit: 7400 },
        { power: null, limit: null },
      ],
    },
  ]);
});
