import { expect, test } from "vitest";
import { bodyOf } from "./ProxyForm";

test("a password that was typed and taken out again stays as it is", () => {
  const edits = { target_auth_basic_password: "", target_charge_box_id: "", mode: "strict" };
  expect(bodyOf(edits)).toEqual({ target_charge_box_id: null, mode: "strict" });
});
