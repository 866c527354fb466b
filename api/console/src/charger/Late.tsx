/** What a charger sends after its answer: parts of a report, statuses of a job, as they come. */

import { moment, number } from "../lib/format";
import { useAt } from "../lib/queries";
import { State } from "../parts/State";
import { Json } from "./Answer";
import { stationPath } from "./operations";
import type { Command, CommandWithParts } from "./types";

/** Of the newest command of this action. */
export function Late({ id, action }: { id: string; action: string }) {
  const newest = useAt<{ commands: Command[] }>(
    `${stationPath(id)}/commands?limit=1&action=${action}`,
  ).data?.commands[0];
  if (!newest || !COLLECTED.has(newest.state)) return null;
  return <Parts id={id} commandId={newest.commandId} />;
}

const COLLECTED = new Set(["collecting", "complete"]);

export function Parts({ id, commandId }: { id: string; commandId: string }) {
  const path = `${stationPath(id)}/commands/${commandId}?limit=100`;
  const found = useAt<{ command: CommandWithParts }>(path, 2).data?.command;
  if (!found?.progress) return null;
  const { progress, parts, nextCursor } = found;
  return (
    <section className="late" aria-label="What came after the answer">
      <p role="status">
        <State of={found.state} /> {number(progress.parts)}{" "}
        {progress.parts === 1 ? "part" : "parts"} so far
        {progress.lastAt && `, the last at ${moment(progress.lastAt)}`}
        {progress.complete ? "; that was all." : "; more may come."}
      </p>
      {parts.map((part, n) => (
        // Parts only ever come behind those that are there.
        <details key={`${part.receivedAt}-${n}`}>
          <summary>
            {part.action}, {moment(part.receivedAt)}
          </summary>
          <Json of={part.payload} label={`Part ${n + 1}`} />
        </details>
      ))}
      {nextCursor && <p className="quiet">The first 100 are shown; the API has all of them.</p>}
    </section>
  );
}
