/** What a form of a connector holds, and the body that is made of it. */

import { type Connector, CREDENTIALS, type Kind, OPTIONS, PLACES, type Wanted } from "./types";

export interface Draft {
  name: string;
  type: Kind;
  /** By the names of the configuration's and the credentials' fields. */
  given: Readonly<Record<string, string>>;
}

export const NEW: Draft = { name: "", type: "aws_s3", given: {} };

export function draftOf({ name, type, configuration }: Connector): Draft {
  const given = Object.entries(configuration).map(([field, value]) => [
    field,
    value === false || value === null ? "" : String(value),
  ]);
  return { name, type, given: Object.fromEntries(given) };
}

/** Return the body of a request; of one that exists only given credentials replace the old. */
export function bodyOf({ name, type, given }: Draft, exists: boolean): Record<string, unknown> {
  const credentials = filled(CREDENTIALS[type], given);
  return {
    name,
    ...(exists ? {} : { type }),
    configuration: filled([...PLACES[type], ...OPTIONS], given),
    ...(exists && Object.keys(credentials).length === 0 ? {} : { credentials }),
  };
}

function filled(wanted: readonly Wanted[], given: Draft["given"]): Record<string, unknown> {
  const values = wanted
    .map(({ name, input }) => [name, read(given[name] ?? "", input)] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(values);
}

function read(text: string, input: Wanted["input"]): unknown {
  if (text === "") return undefined;
  if (input === "tick") return true;
  if (input === "number") return Number(text);
  return text;
}
