import { expect, test } from "vitest";
import { toForm, toText } from "./exact";
import type { Schema } from "./schema";

const SCHEMA: Schema = {
  type: "object",
  properties: {
    id: { type: "integer" },
    data: { type: "string" },
    on: { type: "boolean" },
    periods: { type: "array", items: { $ref: "#/$defs/Period" } },
  },
  $defs: { Period: { type: "object", properties: { limit: { type: "number" } } } },
};

const LONG = `{
  "id": 9007199254740993,
  "data": "1.10",
  "on": false,
  "periods": [
    {
      "limit": 1.10
    },
    {
      "limit": -0.5e3
    }
  ]
}`;

test("numbers keep their digits from JSON to the form and back", () => {
  const shown = toForm(LONG, SCHEMA);
  expect(shown).toEqual({
    body: {
      id: "9007199254740993",
      data: "1.10",
      on: false,
      periods: [{ limit: "1.10" }, { limit: "-0.5e3" }],
    },
  });
  expect("body" in shown && toText(shown.body, SCHEMA)).toBe(LONG);
});

test("what is typed in the place of a number and is none is sent as typed, to be refused", () => {
  expect(toText({ id: " 7 ", periods: [{ limit: "1,10" }] }, SCHEMA)).toBe(
    '{\n  "id": 7,\n  "periods": [\n    {\n      "limit": "1,10"\n    }\n  ]\n}',
  );
  expect(toText({ id: "0x10" }, SCHEMA)).toContain('"0x10"');
  expect(toText({}, SCHEMA)).toBe("{}");
});

test.each([
  ['{"customData": {"n": 1.10}}', "customData"],
  ['{"data": 1.10}', "data"],
  ['{"id": "7"}', "id"],
  ['{"id": null}', "id"],
  ['{"periods": [{"limit": 1}, {"limit": {}}]}', "periods.1.limit"],
  ['{"periods": []}', "periods"],
  ['{"data": ""}', "data"],
  ['{"__proto__": 1}', "__proto__"],
])("what the form has no place for stays JSON, in words: %s", (text, named) => {
  expect(toForm(text, SCHEMA)).toEqual({
    wrong: expect.stringContaining(`no place for ${named} as it is written here`) as string,
  });
});
