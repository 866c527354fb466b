import { expect, test } from "vitest";
import { type ApiKey, ownWarning } from "./types";

function key(key_id: string, scope: ApiKey["scope"], revoked_at: string | null = null): ApiKey {
  const never = { expires_at: null, last_used_at: null };
  return { key_id, name: null, scope, created_at: "2026-01-01T00:00:00Z", revoked_at, ...never };
}

test("who revokes the key that one came with is told so", () => {
  const [one, other] = [key("1", "admin"), key("2", "admin")];
  expect(ownWarning(one, [one], 0)).toContain("This is your own key");
  expect(ownWarning(one, [one, key("2", "admin", "2026-01-02T00:00:00Z")], 0)).toContain("last");
  expect(ownWarning(one, [one, other], 0)).toContain("If it is your own");
  expect(ownWarning(key("3", "read"), [one], 0)).toBeNull();
});
