/** Whether a log is live, and what of it went by unseen. */

import { number } from "../lib/format";
import { Live } from "../parts/State";
import type { Following } from "./useLog";

export function Standing({ log: { liveness, why } }: { log: Following }) {
  if (liveness !== "past") return <Live liveness={liveness} why={why} />;
  return <span className="state off">up to a moment, not live</span>;
}

/** How many messages went by; `again` begins anew, with them. */
export function Missed({ messages, again }: { messages: number; again: () => void }) {
  if (messages === 0) return null;
  return (
    <p className="missed" role="status">
      {number(messages)} messages came faster than they could be shown; they are in the log.{" "}
      <button type="button" className="plain" onClick={again}>
        Look them up
      </button>
    </p>
  );
}
