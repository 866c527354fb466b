import { expect, test } from "vitest";
import { type ApiKey, ownWarning } from "./types";

function key(key_id: string, scope: ApiKey["scope"], more: Partial<ApiKey> = {}): ApiKey {
  const times = { created_at: "2026-01-01T00:00:00Z", expires_at: null, last_used_at: null };
  return { key_id, name: null, scope, ...times, revoked_at: null, own: false, ...more };
}

test("who revokes the key that one came with is told so, and nobody else", () => {
  const [mine, other] = [key("1", "admin", { own: true }), key("2", "admin")];
  const revoked = key("3", "admin", { revoked_at: "2026-01-02T00:00:00Z" });
  expect(ownWarning(mine, [mine, other], 0)).toContain("logged out at once.");
  expect(ownWarning(mine, [mine, revoked, key("4", "operate")], 0)).toContain("the last");
  expect(ownWarning(other, [mine, other], 0)).toBeNull();
  expect(ownWarning(other, [other], 0)).toBeNull();
});
