/** API keys and members, as the API tells them. */

import type { Scope } from "../lib/may";

export interface ApiKey {
  key_id: string;
  name: string | null;
  scope: Scope;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
  /** Whether it is that of who asks. */
  own: boolean;
}

export interface NewKey extends ApiKey {
  api_key: string;
}

export interface Member {
  identity_id: string;
  role: Scope;
  created_by: string;
  created_at: string;
}

export const SCOPES: readonly [Scope, string][] = [
  ["read", "read: sees everything"],
  ["operate", "operate: also commands and changes"],
  ["admin", "admin: also keys, members, certificates and the audit"],
];

export type KeyState = "valid" | "expired" | "revoked";

export function stateOf({ revoked_at, expires_at }: ApiKey, now: number): KeyState {
  if (revoked_at) return "revoked";
  return expires_at && Date.parse(expires_at) <= now ? "expired" : "valid";
}

/** Return what to say to somebody before the key is revoked that one is logged in with; null: another. */
export function ownWarning(key: ApiKey, all: readonly ApiKey[], now: number): string | null {
  if (!key.own) return null;
  const another = all.some(
    (one) => !one.own && one.scope === "admin" && stateOf(one, now) === "valid",
  );
  return another
    ? "This is the key that you are logged in with: you are logged out at once."
    : "This is the key that you are logged in with, and the last of an admin: you are logged out at once, and nobody can come here with a key until the command line makes one.";
}
