import { expect, it } from "vitest";
import { readPage } from "./useAudit";

it("details keep every digit, and a kind is an action", () => {
  const page = readPage(
    "security",
    '{"success":true,"security_events":[{"id":3,"timestamp":"t","kind":"InvalidPassword",' +
      '"actor":"address:127.0.0.1","charge_box_id":null,"result":"denied",' +
      '"details":{"n":12345678901234567890,"one":1.0}}],"next_cursor":null}',
  );
  expect(page.entries).toMatchObject([
    {
      action: "InvalidPassword",
      object: null,
      details: '{"n":12345678901234567890,"one":1.0}',
    },
  ]);
});
