import { expect, test } from "vitest";
import { filled, labelOf, plain, readJson, tidied } from "./schema";

test("a form asks neither for vendors' data nor for what the platform sets", () => {
  const schema = {
    type: "object",
    properties: {
      customData: { $ref: "#/$defs/CustomDataType" },
      requestId: { type: "integer", readOnly: true },
      evse: { $ref: "#/$defs/EVSEType" },
    },
    required: ["requestId", "evse"],
    $defs: {
      EVSEType: { type: "object", properties: { customData: {}, id: { type: "integer" } } },
    },
  };
  expect(tidied(schema)).toEqual({
    type: "object",
    properties: { evse: { $ref: "#/$defs/EVSEType" } },
    required: ["evse"],
    $defs: { EVSEType: { type: "object", properties: { id: { type: "integer" } } } },
  });
});

test("what may be anything is asked for as text", () => {
  expect(tidied({ type: "object", properties: { data: {} } }).properties).toEqual({
    data: { type: "string" },
  });
});

test("what is not filled in is not sent", () => {
  expect(
    filled({ key: [undefined, "A", ""], evse: {}, deep: { er: {} }, zero: 0, no: false, x: "" }),
  ).toEqual({ key: ["A"], zero: 0, no: false });
});

test("names of OCPP are read as labels", () => {
  expect(labelOf("chargingProfileId")).toBe("Charging profile id");
  expect(labelOf("ocppCSMSURL")).toBe("Ocpp CSMSURL");
  expect(labelOf("evse")).toBe("Evse");
});

test("of a long description the first sentence is shown", () => {
  expect(plain("Kept + *as it is*.")).toEqual({ begin: "Kept as it is.", rest: "" });
  const long = "word ".repeat(60);
  expect(plain(`It is so. ${long}`)).toEqual({ begin: "It is so.", rest: long.trim() });
  expect(plain(long).begin.length).toBeLessThanOrEqual(200);
});

test("a request that is no JSON says where", () => {
  expect(readJson('{"a": 1}')).toMatchObject({ body: { a: 1 } });
  expect(readJson("[1]")).toHaveProperty("wrong");
  expect(readJson("{")).toHaveProperty("wrong");
});

test("a request that was written is sent as it was written", () => {
  const text = '{"id": 12345678901234567890, "limit": 1.0}';
  expect(readJson(text)).toMatchObject({ text });
  expect(readJson("[1]")).toHaveProperty("wrong");
});
