import { expect, test } from "vitest";
import { compare, sortable } from "./order";

test("numbers within names count", () => {
  const names = ["CP-10", "cp-9", "CP-100", "AB-7"];
  names.sort((one, other) => compare(sortable(one), sortable(other)));
  expect(names).toEqual(["AB-7", "cp-9", "CP-10", "CP-100"]);
});

test("what is not known comes last", () => {
  const values = [null, 3, 1, undefined, 2].map(sortable);
  values.sort(compare);
  expect(values.slice(0, 3)).toEqual([1, 2, 3]);
});
