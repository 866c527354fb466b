/** What a row tells of who did or was denied what. */

import { moment } from "../lib/format";
import type { Column } from "../parts/Table";
import { actor, object, resultTone } from "./words";
import type { Entry } from "./types";

export function columns(open: (entry: Entry) => void): readonly Column<Entry>[] {
  return [
    {
      id: "time",
      head: "Time",
      width: "12rem",
      cell: (entry) => (
        <button type="button" className="plain" onClick={() => open(entry)}>
          <time dateTime={entry.timestamp}>{moment(entry.timestamp)}</time>
        </button>
      ),
    },
    {
      id: "actor",
      head: "Who",
      width: "12rem",
      cell: (entry) => <span title={entry.actor}>{actor(entry.actor)}</span>,
    },
    { id: "action", head: "What", width: "13rem", cell: ({ action }) => action },
    {
      id: "result",
      head: "Result",
      width: "8rem",
      cell: ({ result }) => <span className={`state ${resultTone(result)}`}>{result}</span>,
    },
    {
      id: "object",
      head: "Of what",
      cell: (entry) => <span title={entry.object ?? undefined}>{object(entry)}</span>,
    },
    {
      id: "category",
      head: "Category",
      width: "6.5rem",
      cell: ({ category }) => category ?? "security",
    },
  ];
}
