/** What a target has yet to get, and what it did not take. */

import { useMemo } from "react";
import { ask, own } from "../lib/client";
import { moment } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import type { Entry, QueuePage } from "./types";

const EVERY_S = 5;
const MOST = 200;

export function QueueOf({ path }: { path: string }) {
  const queue = useOwn<QueuePage>(`${path}/queue?limit=${MOST}`, EVERY_S);
  const again = useWrite(
    (entry: number) => ask(own(`${path}/queue/${entry}/retry`), { method: "POST" }),
    () => "The message goes out again.",
  );
  const columns = useMemo(
    () => [...COLUMNS, retryColumn(again.running, (entry) => void again.run(entry))],
    [again.running, again.run],
  );
  return (
    <section className="queue" aria-label="Queue">
      <h3>Queue</h3>
      <Wrong problem={again.problem} />
      <Shown of={queue} what="The queue">
        {({ entries, next_cursor }) => (
          <>
            <Table
              label="Queue of the target"
              rows={entries}
              columns={columns}
              rowKey={({ entry }) => String(entry)}
              empty={
                <p className="quiet">Nothing waits: the target has got all that it is to get.</p>
              }
            />
            {next_cursor && (
              <p className="quiet">
                These are the first {MOST}. All of them: <code>GET …{path}/queue</code>
              </p>
            )}
          </>
        )}
      </Shown>
    </section>
  );
}

const COLUMNS: readonly Column<Entry>[] = [
  { id: "action", head: "Action", cell: ({ action }) => action },
  { id: "at", head: "Said", cell: ({ queued_at }) => moment(queued_at) },
  { id: "state", head: "State", cell: ({ state }) => <State of={state} /> },
  {
    id: "attempts",
    head: "Attempts",
    align: "right",
    cell: ({ attempts, maybe_duplicate }) => (
      <>
        {attempts}
        {maybe_duplicate && <span className="quiet"> maybe had</span>}
      </>
    ),
  },
  { id: "reason", head: "Why it was not taken", cell: ({ reason }) => reason ?? "" },
];

function retryColumn(running: boolean, retry: (entry: number) => void): Column<Entry> {
  return {
    id: "retry",
    head: "Again",
    cell: ({ entry, state, action }) =>
      state === "dead" && (
        <Act needs="operate" running={running} onClick={() => retry(entry)}>
          Retry<span className="unseen"> {action}</span>
        </Act>
      ),
  };
}
