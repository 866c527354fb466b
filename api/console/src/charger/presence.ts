/** When a charger was connected, and why its connections ended. */

import type { ConnectionSpan } from "./types";

/** A piece of a strip, in shares of its whole: from 0 to 1. */
export interface Piece {
  from: number;
  to: number;
}

/** Return when it was connected within a time, in s since 1970. */
export function piecesOf(
  spans: readonly Pick<ConnectionSpan, "since" | "until">[],
  begin: number,
  end: number,
): Piece[] {
  const share = (moment: string | null, none: number) => {
    const seconds = moment === null ? none : Date.parse(moment) / 1000;
    return Math.min(1, Math.max(0, (seconds - begin) / (end - begin)));
  };
  return spans
    .map(({ since, until }) => ({ from: share(since, begin), to: share(until, end) }))
    .filter(({ from, to }) => to > from)
    .sort((one, other) => one.from - other.from);
}

/** Return the share of the time that it was connected; spans that overlap count once. */
export function shareOf(pieces: readonly Piece[]): number {
  let [sum, reached] = [0, 0];
  for (const { from, to } of pieces) {
    sum += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return sum;
}

// RFC 6455, section 7.4.1
const CODES: Record<number, string> = {
  1000: "closed in good order",
  1001: "the other end went away",
  1002: "an error of the protocol",
  1003: "a kind of data that is not taken",
  1005: "closed without a code",
  1006: "the connection was lost",
  1007: "text that is no UTF-8",
  1008: "against a policy",
  1009: "a frame that is too large",
  1010: "an extension was missing",
  1011: "an error of the server",
  1012: "the server restarts",
  1013: "the server has too much to do",
  1015: "TLS failed",
};

/** Say why a connection ended. */
export function closeWords({
  until,
  close_code,
  close_reason,
}: Pick<ConnectionSpan, "until" | "close_code" | "close_reason">): string {
  if (until === null) return "still open";
  if (close_code === null) return close_reason || "not known: the server was not there";
  const words = CODES[close_code] ?? "a code of the other end";
  const code = `${words} (${close_code})`;
  return close_reason ? `${code}: ${close_reason}` : code;
}
