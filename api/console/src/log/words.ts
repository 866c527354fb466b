/** What an exchange is in words: who spoke to whom, what came of it, how long it took. */

import { clock as timeOf, dayOf, number } from "../lib/format";
import type { Direction, Frame, Said } from "./frame";
import type { Exchange, Leg } from "./pairing";

export const WAYS: Record<Direction, readonly [string, string]> = {
  charger_to_platform: ["charger", "Ringmain"],
  platform_to_charger: ["Ringmain", "charger"],
  platform_to_target: ["Ringmain", "target"],
  target_to_platform: ["target", "Ringmain"],
};

export type Beginner = "charger" | "ringmain" | "target";

/** Tell who began an exchange; of what is passed on without its origin, who says it now. */
export function beginner({ call }: Exchange): Beginner {
  const by = WAYS[call.direction][0];
  return by === "Ringmain" ? "ringmain" : (by as Beginner);
}

/** Return who passes a message to whom, in order. */
export function way({ call, passedOn }: Exchange): readonly string[] {
  const [by, to] = WAYS[call.direction];
  const [first] = passedOn;
  return first ? [by, to, WAYS[first.call.direction][1]] : [by, to];
}

export interface Outcome {
  word: string;
  tone: "good" | "wait" | "bad" | "off";
}

// Longer than anybody here waits for an answer by default.
const WAITED_MS = 60_000;
const STATUS = /"status"\s*:\s*"([^"\\]{1,40})"/;
const GOOD = new Set(["Accepted", "Scheduled", "Unlocked"]);

/** Say what came of a leg; `now` is of the server's clock, in ms. */
export function outcome({ call, answer }: Leg, now: number): Outcome {
  if (call.raw !== null) return { word: "unreadable", tone: "bad" };
  if (call.message_type === "Send") return { word: "asks for no answer", tone: "off" };
  if (!answer) {
    return now - Date.parse(call.timestamp) > WAITED_MS
      ? { word: "no answer", tone: "bad" }
      : { word: "waiting", tone: "wait" };
  }
  return answered(answer);
}

function answered(answer: Frame): Outcome {
  if (answer.message_type !== "CallResult") {
    return { word: answer.error_code ?? "error", tone: "bad" };
  }
  const [, status] = STATUS.exec(answer.text?.slice(0, 1000) ?? "") ?? [];
  if (!status) return { word: "answered", tone: "good" };
  return { word: status, tone: GOOD.has(status) ? "good" : "wait" };
}

/** Tell whether something went wrong with any leg. */
export function failed(exchange: Exchange, now: number): boolean {
  return [exchange, ...exchange.passedOn].some((leg) => outcome(leg, now).tone === "bad");
}

/** Return how long an answer took, in ms. */
export function latency({ call, answer }: Leg): number | null {
  return answer ? Date.parse(answer.timestamp) - Date.parse(call.timestamp) : null;
}

/** Write how long an answer took; the log knows it to the millisecond. */
export function took(leg: Leg): string {
  const ms = latency(leg);
  if (ms === null) return "";
  return ms < 1 ? "< 1 ms" : ms < 1000 ? `${Math.round(ms)} ms` : `${number(ms / 1000, 1)} s`;
}

/** Write the time of a frame to the millisecond. */
export function clock(timestamp: string): string {
  return timeOf(new Date(timestamp), "millisecond");
}

/** Write the day of a frame; empty where it is today. */
export function day(timestamp: string, now: number): string {
  const date = new Date(timestamp);
  return date.toDateString() === new Date(now).toDateString() ? "" : dayOf(date);
}

/** Return all texts of an exchange, to look for something in. */
export function texts(exchange: Exchange): string[] {
  return [exchange, ...exchange.passedOn].flatMap(({ call, answer }) => [
    ...parts(call),
    ...(answer ? parts(answer) : []),
  ]);
}

function parts({ text, raw, error_code, error_description }: Frame): string[] {
  return [text, raw, error_code, error_description].filter((part) => part !== null);
}

/** Tell of the command that repeats what Ringmain asked of a charger by itself. */
export function isOwnCommand({ direction, message_type, origin, text }: Said): boolean {
  return (
    direction === "platform_to_charger" &&
    message_type === "Call" &&
    origin === null &&
    text !== null
  );
}
