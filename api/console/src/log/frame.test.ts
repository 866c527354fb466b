import { expect, it } from "vitest";
import { readEvent, readPage, wire } from "./frame";

const PAYLOAD = '{ "n": 12345678901234567890, "one": 1.0, "one": 1e3, "s": "\\u00e9" }';
const ABOUT =
  '"seq":5,"timestamp":"2026-11-22T10:00:00.000Z","message_type":"Call","charge_box_id":"CP-1",' +
  '"direction":"charger_to_platform","ocpp_version":"1.6","message_id":"a\\"b","action":"DataTransfer",' +
  '"proxy_configuration_id":null,"origin":null,"maybe_duplicate":null';

it("no digit of a payload is altered", () => {
  const said = readEvent(`{${ABOUT},"payload":${PAYLOAD},"answers":null}`);
  expect(said?.text).toBe(PAYLOAD);
  expect(said && wire(said, said.message_id, said.action)).toBe(
    `[2,"a\\"b","DataTransfer",${PAYLOAD}]`,
  );
});

it("a page has calls with their answers, errors too", () => {
  const answer =
    '{"seq":6,"timestamp":"2026-11-22T10:00:01.000Z","message_type":"CallError",' +
    '"error_code":"NotSupported","error_description":"no","error_details":{"x":1.0}}';
  const page = readPage(
    `{"success":true,"messages":[{${ABOUT},"payload":${PAYLOAD},"answer":${answer},"latency_ms":1.0},` +
      `{${ABOUT},"raw":"[2,","answer":null}],"next_cursor":"Mw"}`,
  );
  const [one, other] = page.messages;
  expect(page.next_cursor).toBe("Mw");
  expect(one?.answer && wire(one.answer, "1", null)).toBe('[4,"1","NotSupported","no",{"x":1.0}]');
  expect(other?.answer).toBeNull();
  expect(other && wire(other.call, null, null)).toBe("[2,");
});

it("what is too large to be told has no text", () => {
  const said = readEvent(`{${ABOUT},"left_out":300000,"answers":null}`);
  expect(said && wire(said, said.message_id, said.action)).toBeNull();
});
