/** What the scope of who is logged in allows, as the API will decide it again. */

import { type Organization, useSession } from "./session";

export type Scope = Organization["role"];

const RANK: Record<Scope, number> = { read: 0, operate: 1, admin: 2 };

/** Return why something is not allowed, in words; null where it is. */
export function refusal(role: Scope | undefined, needs: Scope): string | null {
  if (role && RANK[role] >= RANK[needs]) return null;
  return `This needs the scope ${needs}; yours is ${role ?? "none"}.`;
}

export function useRefusal(needs: Scope): string | null {
  return refusal(useSession().organization?.role, needs);
}
