import { expect, it } from "vitest";
import { readEvent, type Said } from "./frame";
import { asJson, commandAgain, quoted, readAgain } from "./take";

const TEXT =
  '{"seq":5,"timestamp":"2026-11-22T10:00:00.000Z","message_type":"Call","charge_box_id":"CP 1",' +
  '"direction":"platform_to_charger","ocpp_version":"1.6","message_id":"a","action":"DataTransfer",' +
  '"proxy_configuration_id":null,"origin":null,"maybe_duplicate":null,' +
  '"payload":{"data":"it\'s","n":12345678901234567890,"one":1.0},"answers":null}';
const CALL = readEvent(TEXT) as Said;

it("JSON is taken along with every digit", () => {
  const json = asJson({ seq: 5, call: CALL, answer: { ...CALL, seq: 6 }, passedOn: [] });
  expect(JSON.parse(json).legs).toHaveLength(1);
  expect(json.match(/12345678901234567890,"one":1\.0/g)).toHaveLength(2);
});

it("what is pasted into a shell is one word, whatever is in it", () => {
  expect(quoted("it's $HOME `x`")).toBe("'it'\\''s $HOME `x`'");
  expect(commandAgain(CALL, "http://h")).toBe(
    "curl -X POST 'http://h/api/chargingStations/CP%201/commands/DataTransfer' " +
      "-H \"x-api-key: $KEY\" -H 'Content-Type: application/json' " +
      `-d '{"data":"it'\\''s","n":12345678901234567890,"one":1.0}'`,
  );
  expect(readAgain(CALL, "http://h/o")).toBe(
    "curl 'http://h/o/messages?charge_box_id=CP+1&message_id=a&pretty=true' " +
      '-H "x-api-key: $KEY"',
  );
});
