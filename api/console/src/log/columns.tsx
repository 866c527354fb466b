/** What a row of the log tells of an exchange. */

import type { ReactNode } from "react";
import type { Exchange, Leg } from "./pairing";
import { Way } from "./Way";
import { clock, day, outcome, took } from "./words";

export interface LogColumn {
  id: string;
  head: string;
  width: string;
  cell: (row: Exchange, now: number) => ReactNode;
}

export const COLUMNS: readonly LogColumn[] = [
  {
    id: "time",
    head: "Time",
    width: "7.5rem",
    cell: ({ call }, now) => (
      <time dateTime={call.timestamp} title={call.timestamp}>
        {clock(call.timestamp)} <span className="quiet">{day(call.timestamp, now)}</span>
      </time>
    ),
  },
  { id: "charger", head: "Charger", width: "9rem", cell: ({ call }) => call.charge_box_id },
  { id: "way", head: "From → to", width: "14rem", cell: (row) => <Way of={row} /> },
  {
    id: "action",
    head: "Action",
    width: "13rem",
    cell: ({ call }) => call.action ?? <em>{call.message_type}</em>,
  },
  {
    id: "answer",
    head: "Answer",
    width: "12rem",
    cell: (row, now) => <Came leg={row} now={now} />,
  },
  {
    id: "passed",
    head: "Passed on",
    width: "14rem",
    cell: (row, now) => <PassedOn legs={row.passedOn} now={now} />,
  },
];

function Came({ leg, now }: { leg: Leg; now: number }) {
  const { word, tone } = outcome(leg, now);
  return (
    <span className="came">
      <span className={`state ${tone}`}>{word}</span>
      <span className="quiet"> {took(leg)}</span>
    </span>
  );
}

/** The last attempt to pass it on, and how many there were. */
function PassedOn({ legs, now }: { legs: readonly Leg[]; now: number }) {
  const last = legs.at(-1);
  if (!last) return null;
  return (
    <span className="came">
      <Came leg={last} now={now} />
      {legs.length > 1 && <span className="quiet"> attempt {legs.length}</span>}
      {last.call.maybe_duplicate && <span className="quiet"> maybe twice</span>}
    </span>
  );
}
