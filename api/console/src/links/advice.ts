/** What to do about a link that is not ready, by what is wrong with it. */

import type { LinkState } from "./types";

const BY_REASON: readonly [RegExp, string][] = [
  [
    /HTTP status 40[13]/,
    "The target does not accept the user name and password. Correct them in the configuration; after a refusal it is dialled less often, up to every 5 minutes.",
  ],
  [
    /HTTP status 404/,
    "The target does not know this charger or this path. Compare the URL, and the id that the charger has at the target.",
  ],
  [/HTTP status 429/, "The target asks for fewer dials. It is dialled again when it allows it."],
  [/HTTP status 5\d\d/, "The target has a fault of its own. It is dialled again by itself."],
  [
    /does not resolve|has no address|name lookup/,
    "Correct the host in the URL, or the name server of this machine.",
  ],
  [
    /may not have|closed to targets/,
    "The address is private. Whoever runs the server may open it with RINGMAIN_ALLOWED_TARGET_NETWORKS.",
  ],
  [
    /certificate is not trusted|Certificate|TLS/,
    "Compare the certificate of the target with the authority and the name in the configuration, and run the test.",
  ],
  [
    /client certificate/,
    "The target wants to see another client certificate. Choose it in the configuration.",
  ],
  [
    /answers no CALL/,
    "The target is connected but does not answer. Its operator has to look at it; what waits is kept.",
  ],
  [
    /did not choose|was not offered/,
    "The target must speak the charger's OCPP version at this URL.",
  ],
  [/does not speak WebSocket|does not speak TLS/, "The URL leads to something else. Correct it."],
  [/dialled as often/, "It waits for the minute to end, and is dialled again by itself."],
  [
    /charger is not connected|not connected/i,
    "The target is dialled when the charger is there. Look at the charger first.",
  ],
  [
    /No connection/,
    "Nobody listens at the target's address, or a firewall is between. It is dialled again by itself; the test tells more.",
  ],
];

const BY_STATE: Record<LinkState, string> = {
  ready: "",
  dialing: "Wait a moment.",
  booting: "Wait for the target to answer the BootNotification.",
  pending:
    "The target has to accept the charger on its side. What the charger says waits meanwhile.",
  rejected: "Register the charger at the target, under the id that is used there.",
  incompatible: "The target must speak the charger's OCPP version at this URL.",
  backoff: "It is dialled again by itself. The test tells step by step what is wrong.",
  disabled: "Enable it when the target is to have this charger again.",
};

/** Say what to do; empty where there is nothing to be done. */
export function advice(state: LinkState, reason: string | null): string {
  if (state === "ready") return "";
  const known = BY_REASON.find(([words]) => reason !== null && words.test(reason));
  return known && state !== "disabled" ? known[1] : BY_STATE[state];
}
