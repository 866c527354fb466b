/** Who uses the console: an API key of this tab, or the session cookie of the browser. */

import { useSyncExternalStore } from "react";

export type Credential = { kind: "key"; key: string } | { kind: "cookie" };

export interface Organization {
  organization_uuid: string;
  name: string;
  role: "read" | "operate" | "admin";
}

export interface Session {
  /** Null: nobody has logged in. */
  credential: Credential | null;
  /** Null: not chosen yet. */
  organization: Organization | null;
  /** Why the last session ended, in words. */
  ended: string | null;
}

const NOBODY: Session = { credential: null, organization: null, ended: null };
const PLACE = "ringmain.session";

let session: Session = stored();
const listeners = new Set<() => void>();

function stored(): Session {
  try {
    return { ...NOBODY, ...JSON.parse(sessionStorage.getItem(PLACE) ?? "{}") };
  } catch {
    return NOBODY;
  }
}

function become(next: Session): void {
  session = next;
  sessionStorage.setItem(PLACE, JSON.stringify(next));
  for (const listener of listeners) listener();
}

export function currentSession(): Session {
  return session;
}

export function useSession(): Session {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => session,
  );
}

// No header holds anything else, and a key is nothing else.
const KEY = /^[\x21-\x7e]+$/;

/** Begin a session in place of the last. */
export function logIn(credential: Credential): void {
  if (credential.kind === "key" && !KEY.test(credential.key)) {
    logOut("This is no API key: it has blanks, or characters that no key has.");
  } else {
    leave({ ...NOBODY, credential });
  }
}

export function choose(organization: Organization | null): void {
  leave({ ...session, organization });
}

const leaving = new Set<() => void>();

/** Have something done whenever what one was told is not to be known any more. */
export function onLeave(listener: () => void): void {
  leaving.add(listener);
}

function leave(next: Session): void {
  for (const listener of leaving) listener();
  become(next);
}

/** End the session; `why` is shown where one logs in. */
export function logOut(why: string | null = null): void {
  leave({ ...NOBODY, ended: why });
}

/** Log in with `/#key=…`, and take the key out of the address bar and the history. */
export function takeKeyFromAddress(): void {
  const key = new URLSearchParams(location.hash.replace(/^#\/?\??/, "")).get("key");
  if (key) {
    history.replaceState(null, "", location.pathname);
    logIn({ kind: "key", key });
  }
}

/** Return the headers that say who asks. */
export function credentialHeaders(): Record<string, string> {
  const { credential, organization } = session;
  if (credential?.kind === "key") return { "x-api-key": credential.key };
  return organization ? { "X-Organization": organization.organization_uuid } : {};
}
