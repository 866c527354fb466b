/** Ask the REST API; what goes wrong is a `Problem` that can be shown as it is. */

import { awaiting, connectionLost, connectionWorks } from "./connection";
import { type Credential, credentialHeaders, currentSession, logOut } from "./session";

export class Problem extends Error {
  constructor(
    /** 0: the server was not reached. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: Record<string, unknown> = {},
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }

  /** Tell whether the same request may go well later without anybody doing anything. */
  get passes(): boolean {
    const { status, code } = this;
    return status === 0 || status === 429 || status >= 500 || code === UNREADABLE;
  }
}

export interface Asked {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  body?: unknown;
  /** The body as JSON text, sent as it is in place of `body`. */
  text?: string;
  /** It waits for a charger: no time limit of ours. */
  patient?: boolean;
  signal?: AbortSignal;
}

const UNREAD =
  "This is no answer of Ringmain: something before it has answered, or a part is missing";
const UNREACHABLE = "Ringmain cannot be reached. It is tried again until it answers.";

// As of a proxy between here and Ringmain, which has a page of its own for what it cannot do.
const UNREADABLE = "unreadable";

/** Return the JSON of an answer; throw Problem. */
export async function ask<T>(path: string, asked: Asked = {}): Promise<T> {
  return JSON.parse(await askText(path, asked)) as T;
}

/** Return the JSON of an answer as the text that it is, digit by digit; throw Problem. */
export async function askText(path: string, asked: Asked = {}): Promise<string> {
  if (!isHasty(asked)) return told(path, asked);
  // What is to be looked at is missed soon; a write may wait for a charger, and its button says so.
  const there = awaiting();
  return told(path, asked).finally(there);
}

function isHasty({ method = "GET", patient }: Asked): boolean {
  return method === "GET" && !patient;
}

async function told(path: string, asked: Asked): Promise<string> {
  const { method = "GET", body, text, signal } = asked;
  const by = currentSession().credential;
  const limit = isHasty(asked) ? AbortSignal.timeout(LONGEST_MS) : null;
  const either = [signal, limit].filter((one) => one instanceof AbortSignal);
  const given = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const answer = await sent(
    path,
    {
      method,
      headers: { ...credentialHeaders(), ...(method === "GET" ? {} : JSON_BODY) },
      ...(given === undefined ? {} : { body: given }),
      ...(either.length ? { signal: AbortSignal.any(either) } : {}),
    },
    limit,
  );
  const read = answer.ok && isOf(answer, JSON_TYPE) ? await answer.text().catch(() => "") : "";
  if (read) return read;
  if (limit?.aborted && !signal?.aborted) throw unreachable();
  throw await refused(answer, by);
}

/** Return why an answer is not what was asked for. */
export async function refused(answer: Response, by: Credential | null): Promise<Problem> {
  const readable = !answer.bodyUsed && isOf(answer, JSON_TYPE);
  return problem(answer.status, readable ? await answer.json().catch(() => null) : null, by);
}

/** Tell whether an answer is of a media type. */
export function isOf(answer: Response, type: string): boolean {
  return answer.headers.get("Content-Type")?.startsWith(type) ?? false;
}

// What takes longer than this does not come any more.
const LONGEST_MS = 30_000;
const JSON_TYPE = "application/json";
const JSON_BODY = { "Content-Type": JSON_TYPE };

/** Fetch as the user of this tab; throw Problem where there is no answer, or none within `limit`. */
export async function sent(
  path: string,
  init: RequestInit,
  limit: AbortSignal | null = null,
): Promise<Response> {
  try {
    const answer = await fetch(path, { ...init, credentials: "same-origin", cache: "no-store" });
    connectionWorks();
    return answer;
  } catch (fault) {
    if (init.signal?.aborted && !limit?.aborted) throw fault;
    throw unreachable();
  }
}

function unreachable(): Problem {
  connectionLost();
  return new Problem(0, "unreachable", UNREACHABLE);
}

/** Return what an answer says was wrong; who is not let in any more is logged out, `by` which it was asked. */
export function problem(
  status: number,
  told: Record<string, unknown> | null,
  by: Credential | null,
): Problem {
  // An answer that comes late may be to who was here before.
  if (status === 401 && told && by && by === currentSession().credential) logOut(whyOut(by));
  const { error, message, fields, ...details } = told ?? {};
  return new Problem(
    status,
    typeof error === "string" ? error : UNREADABLE,
    typeof message === "string" ? message : `${UNREAD} (HTTP status ${status}).`,
    (fields as Record<string, unknown>) ?? {},
    details,
  );
}

/** Say why one is not let in: nobody has been logged out who never was in. */
function whyOut({ kind }: Credential): string {
  if (currentSession().organization) {
    return "You have been logged out: the key or the session is not valid any more.";
  }
  return kind === "key"
    ? "This key is not valid."
    : "This browser has no session that is valid here.";
}

/** Return the path of something of the chosen organization. */
export function own(path: string): string {
  return `/api/v1/organizations/${currentSession().organization?.organization_uuid}${path}`;
}

/** Return a path with a query; what is undefined, null or empty is left out. */
export function withQuery(path: string, query: Record<string, unknown>): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}
