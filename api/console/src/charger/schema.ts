/** Make of an action's JSON schema what a form shows, and of what is filled in what is sent. */

export interface Schema {
  [rule: string]: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  $defs?: Record<string, Schema>;
  readOnly?: boolean;
  description?: string;
}

/** Return a schema without what a form does not ask for: vendors' data, and what the platform sets. */
export function tidied(schema: Schema): Schema {
  const { properties, items, $defs, required, ...rest } = schema;
  const kept = Object.entries(properties ?? {}).filter(
    ([name, inside]) => name !== "customData" && inside.readOnly !== true,
  );
  const names = new Set(kept.map(([name]) => name));
  return {
    ...rest,
    ...(properties ? { properties: each(kept) } : {}),
    ...(required ? { required: required.filter((name) => names.has(name)) } : {}),
    ...(items ? { items: tidied(items) } : {}),
    ...($defs ? { $defs: each(Object.entries($defs)) } : {}),
  };
}

function each(schemas: [string, Schema][]): Record<string, Schema> {
  return Object.fromEntries(schemas.map(([name, inside]) => [name, tidied(typed(inside))]));
}

/** What may be anything is asked for as text; as JSON it can be all the rest. */
function typed(schema: Schema): Schema {
  return "type" in schema || "$ref" in schema ? schema : { ...schema, type: "string" };
}

/** Return what was filled in, without the empty places that a form is full of. */
export function filled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(filled).filter((one) => one !== undefined);
  if (value === null || typeof value !== "object") return value === "" ? undefined : value;
  const kept = Object.entries(value)
    .map(([name, inside]) => [name, filled(inside)] as const)
    .filter(([, inside]) => inside !== undefined && !isHollow(inside));
  return Object.fromEntries(kept);
}

function isHollow(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** Return a description without the marks of the document that it comes from, its beginning first. */
export function plain(description: string): { begin: string; rest: string } {
  const text = description
    .replace(/\s\+\s/g, " ")
    .replace(/\*([^*]+)\*/g, "$1")
    .trim();
  if (text.length <= LONG) return { begin: text, rest: "" };
  const end = text.indexOf(". ");
  const cut = end > 0 && end < LONG ? end + 1 : text.lastIndexOf(" ", LONG);
  return { begin: text.slice(0, cut), rest: text.slice(cut).trim() };
}

const LONG = 200;

/** Write a name of OCPP as a label: "chargingProfileId" is "Charging profile id". */
export function labelOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .replace(/[-_]/g, " ")
    .split(" ")
    .map((word) => (/^[A-Z0-9]{2,}$/.test(word) ? word : word.toLowerCase()))
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Read the text of a request, which is sent as it is; a sentence where it is none. */
export function readJson(
  text: string,
): { body: Record<string, unknown>; text: string } | { wrong: string } {
  try {
    const body: unknown = JSON.parse(text);
    if (body !== null && typeof body === "object" && !Array.isArray(body)) {
      return { body: body as Record<string, unknown>, text };
    }
    return { wrong: "A request is an object: it begins with { and ends with }." };
  } catch (fault) {
    return { wrong: `This is no JSON: ${(fault as Error).message}` };
  }
}
