import { expect, test } from "vitest";
import { bodyOf, STARTING } from "./enrolment";

test("without a target, nothing is said of one", () => {
  expect(bodyOf({ ...STARTING, charge_box_id: "CP-1", target_websocket_url: "ws://x" })).toEqual({
    charge_box_id: "CP-1",
  });
});

test("what is needed is sent empty, so that the answer names it", () => {
  expect(bodyOf({ ...STARTING, proxied: true })).toEqual({
    charge_box_id: "",
    target_platform_identifier: "",
    target_websocket_url: "",
    target_authentication_method: "None",
    mode: "hybrid",
    role: "control",
  });
});

test("a password is sent only with Basic", () => {
  const given = { ...STARTING, proxied: true, target_auth_basic_password: "secret" };
  expect(bodyOf(given)).not.toHaveProperty("target_auth_basic_password");
  expect(bodyOf({ ...given, target_authentication_method: "Basic" })).toHaveProperty(
    "target_auth_basic_password",
    "secret",
  );
});
