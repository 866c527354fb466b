import { expect, test } from "vitest";
import { wordOf } from "./answers";

test("the charger's word is found, whichever operation it answers", () => {
  for (const told of [
    { response: "Accepted" },
    { responseFromStation: "Accepted" },
    { transactionStartResponse: { status: "Accepted" } },
    { status: "Accepted" },
  ]) {
    expect(wordOf(told)).toEqual({ status: "Accepted", tone: "good", info: null, rest: false });
  }
});

test("a refusal has its reason, and what waits is neither good nor bad", () => {
  const info = { reasonCode: "BelowMinimum" };
  expect(wordOf({ response: "Rejected", statusInfo: info })).toMatchObject({ tone: "bad", info });
  expect(wordOf({ responseFromStation: "Scheduled" }).tone).toBe("wait");
});

test("an answer without a status is shown as it is", () => {
  expect(wordOf({ configurationKey: [] })).toMatchObject({
    status: null,
    rest: true,
  });
});
