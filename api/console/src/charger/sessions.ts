/** Transactions in words. */

import type { Transaction } from "./types";

/** Say how long a transaction has lasted, in hours and minutes. */
export function lasted(
  { startedAt, stoppedAt }: Pick<Transaction, "startedAt" | "stoppedAt">,
  now: Date,
): string {
  const end = stoppedAt ? Date.parse(stoppedAt) : now.getTime();
  const minutes = Math.max(0, Math.floor((end - Date.parse(startedAt)) / 60_000));
  const hours = Math.floor(minutes / 60);
  return hours ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${minutes} min`;
}

const ENDS: Record<string, string> = {
  charger: "ended by the charger",
  operator: "ended by the operator",
  superseded: "another one began; its stop never came",
  boot: "the charger restarted; its stop never came",
};

/** Say how a transaction ended. */
export function endWords({
  state,
  endedBy,
  stopReason,
  stopAskedAt,
}: Pick<Transaction, "state" | "endedBy" | "stopReason" | "stopAskedAt">): string {
  if (state === "orphan") return "its start never came";
  if (state === "running") return stopAskedAt ? "asked to stop" : "–";
  const by = ENDS[endedBy ?? ""] ?? "ended";
  return stopReason ? `${by} (${stopReason})` : by;
}

const DOUBTS: Record<string, string> = {
  register_backwards: "The energy register ran backwards.",
  register_implausible: "The energy register told more than can be.",
  timestamp_not_credible: "The charger's time cannot be; ours stands instead.",
  clock_ahead: "The charger's clock is ahead.",
  ends_before_start: "It ended before it began.",
};

export function doubtWords(doubt: string): string {
  return DOUBTS[doubt] ?? doubt;
}
