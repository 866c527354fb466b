import { expect, it } from "vitest";
import { advice } from "./advice";

it.each([
  ["backoff", "The target answered the handshake with HTTP status 401.", /user name and password/],
  ["backoff", "No connection: Connection refused.", /Nobody listens/],
  ["backoff", "The host csms.example does not resolve.", /host in the URL/],
  ["backoff", "The target answers no CALL.", /does not answer/],
  ["backoff", "Something new.", /dialled again by itself/],
  ["rejected", "The target answers the charger's boot with Rejected.", /Register the charger/],
  ["disabled", "No connection: Connection refused.", /Enable it/],
] as const)("%s, %s", (state, reason, words) => {
  expect(advice(state, reason)).toMatch(words);
});

it("where it is ready there is nothing to be done", () => {
  expect(advice("ready", null)).toBe("");
});
