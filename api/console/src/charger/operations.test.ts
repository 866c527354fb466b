import { expect, test } from "vitest";
import { OPERATIONS, operationsFor } from "./catalogue";
import { curlOf } from "./shell";
import type { Scene, Values } from "./operations";
import { localIn } from "./operationsOfCharging";
import type { Station, Transaction } from "./types";

const RUNNING = { transactionId: "4 18", evseId: 2, idToken: "04A2" } as Transaction;
const STATION = {
  connectors: [
    { evseId: 0, connectorId: 0 },
    { evseId: 2, connectorId: 1 },
    { evseId: 1, connectorId: 1 },
  ],
  evses: [],
  runningTransactions: [RUNNING],
} as unknown as Station;
const SCENE: Scene = { id: "CP 1", version: "2.0.1", station: STATION };

function sent(id: string, values: Values, scene = SCENE) {
  const operation = OPERATIONS.find((one) => one.id === id);
  return operation?.request(scene, { ...operation.initial?.(scene), ...values });
}

test("a limit goes to its place, with its unit and the options that are given", () => {
  expect(sent("limit", { evse: "2", value: "7.4", comment: "roof full" })).toEqual({
    method: "PUT",
    path: "/api/chargingStations/CP%201/evses/2/powerLimit",
    body: { limit: { acMaxPowerKw: 7.4 }, comment: "roof full" },
  });
  expect(sent("limit", { evse: "0", value: "0", unit: "acMaxPowerA" })?.body).toEqual({
    limit: { acMaxPowerA: 0 },
  });
  expect(sent("lift", { evse: "tx:4 18" })?.path).toBe(
    "/api/chargingStations/CP%201/transactions/4%2018/powerLimit",
  );
});

test("places are the EVSEs that are known, the station and running transactions", () => {
  const limit = OPERATIONS.find(({ id }) => id === "limit");
  expect(limit?.fields(SCENE, {})[0]?.options?.map(([value]) => value)).toEqual([
    "0",
    "1",
    "2",
    "tx:4 18",
  ]);
});

test("a profile is made of lines of periods", () => {
  const values = { kind: "Daily", start: "2026-11-01T00:00", periods: "0 32\n 360 10,5 1\n" };
  expect(sent("profile", values)?.body).toEqual({
    chargingProfile: {
      chargingProfilePurpose: "TxDefaultProfile",
      chargingProfileKind: "Recurring",
      recurrencyKind: "Daily",
      chargingSchedule: [
        {
          chargingRateUnit: "A",
          startSchedule: new Date("2026-11-01T00:00").toISOString(),
          chargingSchedulePeriod: [
            { startPeriod: 0, limit: 32 },
            { startPeriod: 21600, limit: 10.5, numberPhases: 1 },
          ],
        },
      ],
    },
  });
});

test("a hard restart is OCPP 1.6's, that of one EVSE OCPP 2's", () => {
  expect(sent("reset", { type: "hard" })).toEqual({
    method: "POST",
    path: "/api/chargingStations/CP%201/reset?hard=true",
    body: { type: "Immediate" },
  });
  expect(sent("reset", { evse: "2" })?.path).toContain("?evseId=2");
  expect(sent("reset", {})?.path).toBe("/api/chargingStations/CP%201/reset");
});

test("a trigger is in the words of the charger's version", () => {
  expect(sent("trigger", { evse: "1" })?.body).toEqual({
    requestedMessage: "StatusNotification",
    evse: { id: 1 },
  });
  expect(sent("trigger", { evse: "1" }, { ...SCENE, version: "1.6" })?.body).toEqual({
    requestedMessage: "StatusNotification",
    connectorId: 1,
  });
});

test("what a version does not know is not offered", () => {
  const names = (version: string | null) => operationsFor(version).map(({ id }) => id);
  expect(names("1.6")).not.toContain("read-variable");
  expect(names("2.1")).not.toContain("read-keys");
  expect(names(null)).toHaveLength(OPERATIONS.length);
});

test("curl holds no key, and survives what a shell makes of texts", () => {
  const asked = { method: "PUT" as const, path: "/x", body: { comment: "it's" } };
  expect(curlOf(asked, "http://host")).toBe(
    `curl -X PUT 'http://host/x' \\\n  -H "x-api-key: $KEY" \\\n  ` +
      `-H 'Content-Type: application/json' \\\n  -d '{"comment":"it'\\''s"}'`,
  );
});

test("a moment from now on is written as inputs take it", () => {
  const now = new Date(2026, 10, 1, 12, 0);
  expect(localIn(60, now)).toBe("2026-11-01T13:00");
});
