import { expect, test } from "vitest";
import { questionBefore } from "./undone";

test.each(["Reset", "RemoteStopTransaction", "RequestStopTransaction", "ClearCache"])(
  "%s is asked about",
  (action) => expect(questionBefore(action, {})).toMatch(/\.$/),
);

test("what can be undone is not asked about", () => {
  expect(questionBefore("GetBaseReport", {})).toBeNull();
  expect(questionBefore("SendLocalList", { updateType: "Differential" })).toBeNull();
  expect(questionBefore("CustomerInformation", { clear: false })).toBeNull();
});

test("what is asked may depend on what is sent", () => {
  expect(questionBefore("SendLocalList", { updateType: "Full" })).toContain("replaced");
  expect(questionBefore("CustomerInformation", { clear: true })).toContain("deleted");
});
