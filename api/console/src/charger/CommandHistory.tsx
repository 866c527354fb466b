/** What the charger was asked, by whom, and what became of it. */

import { useMemo, useState } from "react";
import { withQuery } from "../lib/client";
import { moment } from "../lib/format";
import { useAt } from "../lib/queries";
import { Dialog } from "../parts/Dialog";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import { Json } from "./Answer";
import { answerOf } from "./answers";
import { Parts } from "./Late";
import { More, usePages } from "./pages";
import { stationPath } from "./operations";
import type { Command } from "./types";

interface Commands {
  commands: Command[];
  nextCursor: string | null;
}

export function CommandHistory({ id }: { id: string }) {
  const [shown, setShown] = useState<Command | null>(null);
  const { cursor, ...pages } = usePages();
  const path = withQuery(`${stationPath(id)}/commands`, { limit: 20, cursor });
  const found = useAt<Commands>(path, 10);
  const columns = useMemo(() => columnsOf(setShown), []);
  return (
    <section className="card" aria-labelledby="commands-head">
      <h2 id="commands-head">What it was asked</h2>
      <Shown of={found} what="the commands">
        {({ commands, nextCursor }) => (
          <>
            <Table
              label="Commands of this charger"
              rows={commands}
              columns={columns}
              rowKey={({ commandId }) => commandId}
              onRow={setShown}
              empty={<p className="quiet">Nothing has been asked of this charger yet.</p>}
            />
            <More {...pages} next={nextCursor} />
          </>
        )}
      </Shown>
      {shown && <One id={id} command={shown} onClose={() => setShown(null)} />}
    </section>
  );
}

function columnsOf(show: (command: Command) => void): Column<Command>[] {
  return [
    {
      id: "action",
      head: "Command",
      cell: (command) => (
        <button type="button" className="plain" onClick={() => show(command)}>
          {command.action}
        </button>
      ),
    },
    { id: "when", head: "When", cell: ({ createdAt }) => moment(createdAt) },
    { id: "state", head: "State", cell: ({ state }) => <State of={state} /> },
    { id: "answer", head: "Answer", cell: answerOf },
    {
      id: "who",
      head: "By",
      cell: ({ requestedBy }) => <code title={requestedBy}>{requestedBy.slice(0, 8)}</code>,
    },
  ];
}

function One({ id, command, onClose }: { id: string; command: Command; onClose: () => void }) {
  return (
    <Dialog title={command.action} wide onClose={onClose}>
      <dl>
        <dt>Command</dt>
        <dd>
          <code>{command.commandId}</code>
        </dd>
        <dt>Asked</dt>
        <dd>
          {moment(command.createdAt)} by <code>{command.requestedBy}</code>
        </dd>
        <dt>Answered</dt>
        <dd>
          {moment(command.finishedAt)} <State of={command.state} />
        </dd>
      </dl>
      <h3>Request</h3>
      <Json of={command.request} label="The request" />
      {command.response && (
        <>
          <h3>Answer</h3>
          <Json of={command.response} label="The answer" />
        </>
      )}
      <Parts id={id} commandId={command.commandId} />
    </Dialog>
  );
}
