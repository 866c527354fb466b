import { expect, test } from "vitest";
import { Problem } from "./client";
import { fieldError, otherErrors } from "./fields";

const PROBLEM = new Problem(422, "invalid", "Some values cannot be used.", {
  name: ["Too long.", "Odd."],
  "args.url": ["No ws."],
  more: { inner: ["Missing."] },
});

test("a field has its own words, by name or path", () => {
  expect(fieldError(PROBLEM, "name")).toBe("Too long. Odd.");
  expect(fieldError(PROBLEM, "args.url")).toBe("No ws.");
  expect(fieldError(PROBLEM, "more.inner")).toBe("Missing.");
  expect(fieldError(PROBLEM, "other")).toBeNull();
  expect(fieldError(null, "name")).toBeNull();
});

test("what no field shows is told with its name", () => {
  expect(otherErrors(PROBLEM, ["name", "more.inner"])).toEqual(["args.url: No ws."]);
});
