/** Who did what, in words. */

import type { Entry } from "./types";

const KINDS: Record<string, string> = {
  key: "API key",
  identity: "person",
  target: "target",
  charger: "charger",
  address: "address",
};

/** Write an actor shorter than it is stored: of a UUID the first digits are enough. */
export function actor(stored: string): string {
  const [kind = "", ...rest] = stored.split(":");
  const id = rest.join(":");
  if (!id || !KINDS[kind]) return stored;
  return `${KINDS[kind]} ${/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(id) ? id.slice(0, 8) : id}`;
}

const OWN = /^\/api\/(?:v1\/organizations|orgs)\/[0-9a-f-]{36}/;

/** Write what something was asked of; of a path what follows the organization. */
export function object({ object: path, charge_box_id }: Entry): string {
  return path?.replace(OWN, "…") ?? charge_box_id ?? "–";
}

/** Return the colour of a result. */
export function resultTone(result: string): string {
  if (/^2\d\d |^(done|ok|intercepted|overlaid)/i.test(result)) return "good";
  if (/^[45]\d\d |denied|refused|failed|interrupted/i.test(result)) return "bad";
  return "off";
}
