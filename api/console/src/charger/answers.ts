/** Find the charger's word in an answer of the API, whichever operation it answers. */

export interface Word {
  /** Null where the answer has none. */
  status: string | null;
  tone: "good" | "wait" | "bad" | "off";
  info: { reasonCode: string; additionalInfo?: string } | null;
  /** Whether there is more in the answer than its word. */
  rest: boolean;
}

const GOOD = new Set(["Accepted", "Unlocked", "Operative", "AcceptedCanceled"]);
const WAIT = new Set(["Scheduled", "RebootRequired", "Deferred"]);
const WORDS = ["response", "responseFromStation", "status"];
const WITHIN = ["transactionStartResponse", "transactionStopResponse"];

export function wordOf(told: unknown): Word {
  const answer = within(told);
  const named = WORDS.map((name) => answer[name]).find((word) => typeof word === "string");
  const status = typeof named === "string" ? named : null;
  return {
    status,
    tone: status === null ? "off" : toneOf(status),
    info: (answer.statusInfo as Word["info"] | undefined) ?? null,
    rest: Object.keys(answer).some((name) => !WORDS.includes(name) && name !== "statusInfo"),
  };
}

function within(told: unknown): Record<string, unknown> {
  const answer = (told ?? {}) as Record<string, unknown>;
  const inside = WITHIN.map((name) => answer[name]).find(Boolean);
  return (inside ?? answer) as Record<string, unknown>;
}

function toneOf(status: string): Word["tone"] {
  if (GOOD.has(status)) return "good";
  return WAIT.has(status) ? "wait" : "bad";
}

/** Say in a few words how a command ended, by its record. */
export function answerOf({ response }: { response: Record<string, unknown> | null }): string {
  if (!response) return "–";
  const charger = response.chargerError as { code?: string; description?: string } | undefined;
  if (charger) return [charger.code, charger.description].filter(Boolean).join(": ");
  if (typeof response.error === "string") return response.error;
  const { status, info } = wordOf(response);
  if (status === null) return "answered";
  return info ? `${status} (${info.reasonCode})` : status;
}
