import { expect, test } from "vitest";
import { staleBy } from "./topics";

const FROM_CHARGER = "charger_to_platform";

test("what was measured changes the plot, a heartbeat does not", () => {
  expect(staleBy({ action: "MeterValues", direction: FROM_CHARGER })).toContain("power");
  expect(staleBy({ action: "Heartbeat", direction: FROM_CHARGER })).toEqual(["messages"]);
});

test("an answer without an action may be that of any command", () => {
  expect(staleBy({ action: null, direction: FROM_CHARGER })).toContain("station");
});

test("what a target is told is in the log only", () => {
  expect(staleBy({ action: "MeterValues", direction: "platform_to_target" })).toEqual(["messages"]);
});
