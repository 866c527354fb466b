import { expect, test } from "vitest";
import { answersFrom, detailsOf, needsAuthority } from "./details";

test("what is switched off has no address", () => {
  const answers = { ...answersFrom(null), connectivityMode: "OcppOff" as const, url: "wss://x" };
  expect(detailsOf(answers)).toEqual({ connectivityMode: "OcppOff", applyToNewDevices: false });
});

test("what is left empty is null", () => {
  const answers = { ...answersFrom(null), url: "ws://127.0.0.1/ocpp" };
  expect(detailsOf(answers)).toEqual({
    connectivityMode: "DualProtocol",
    applyToNewDevices: false,
    websocketConnectionArgs: {
      url: "ws://127.0.0.1/ocpp",
      caCertificate: null,
      caCertificateDomain: null,
    },
    basicAuthPassword: null,
  });
  expect(needsAuthority(answers)).toBe(false);
});
