/** The message log: live on top, as far back as one scrolls, each exchange with both of its legs. */

import { ArrowUp, Pause, Play } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import { number } from "../lib/format";
import { useQueryOfPlace } from "../lib/place";
import { Details } from "../log/Details";
import { FilterBar, Suggestions } from "../log/FilterBar";
import { asked, type Filters, filtersOf, picked, picks } from "../log/filters";
import { LogTable } from "../log/LogTable";
import { Missed, Standing } from "../log/Standing";
import { type Following, useLog } from "../log/useLog";
import { clock } from "../log/words";
import { Empty, Failure, Loading } from "../parts/Notice";
import "./filters.css";
import "./messages.css";

export function MessagesPage() {
  const [query, setQuery] = useQueryOfPlace();
  const filters = useMemo(() => filtersOf(query), [query]);
  const change = (some: Partial<Filters>) => setQuery(some as Record<string, string>);
  const [from, setFrom] = useState(0);
  const wanted = asked(filters);
  return (
    <>
      <h1>Messages</h1>
      <FilterBar filters={filters} change={change} />
      <LogView
        // Another question is another view.
        key={`${from} ${JSON.stringify(wanted)}`}
        filters={filters}
        change={change}
        again={() => setFrom((before) => before + 1)}
      />
    </>
  );
}

interface LogViewProps {
  filters: Filters;
  change: (some: Partial<Filters>) => void;
  /** Begin anew. */
  again: () => void;
}

function LogView({ filters, change, again }: LogViewProps) {
  const [query] = useState(() => asked(filters));
  const log = useLog(query);
  const { shown, past, older, hold } = log;
  const [paused, setPaused] = useState(false);
  const [away, setAway] = useState(false);
  const [opened, setOpened] = useState<number | null>(null);
  const held = paused || away || opened !== null;
  useEffect(() => hold(held), [hold, held]);

  const now = Date.now() + shown.ahead;
  const rows = useMemo(() => picked(shown.rows, filters, now), [shown.rows, filters, now]);
  const picking = picks(filters);
  const onEnd = useCallback(() => {
    if (past === "more" && !picking) older();
  }, [past, picking, older]);
  const open = rows.find(({ seq }) => seq === opened);
  return (
    <>
      <div className="head tap">
        <Standing log={log} />
        <Tap paused={paused} news={shown.news} turn={() => setPaused(!paused)} />
        {away && !paused && shown.news > 0 && (
          <button type="button" onClick={toTop}>
            <ArrowUp aria-hidden size={16} /> {number(shown.news)} new
          </button>
        )}
        <Back log={log} picking={picking} found={rows.length} change={change} />
      </div>
      <Suggestions rows={shown.rows} />
      <Missed messages={shown.missed} again={again} />
      {log.problem?.status === 404 && (
        <Empty title="There is no charger with this id.">It is looked for while you type.</Empty>
      )}
      {log.problem && log.problem.status !== 404 && (
        <Failure problem={log.problem} what="The message log" />
      )}
      {rows.length > 0 && (
        <LogTable
          rows={rows}
          now={now}
          onOpen={({ seq }) => setOpened(seq)}
          onAway={setAway}
          onEnd={onEnd}
        />
      )}
      {rows.length === 0 && past !== "reading" && !log.problem && (
        <Nothing filtered={isFiltered(filters)} />
      )}
      {rows.length === 0 && past === "reading" && !log.problem && <Loading what="messages" />}
      {open && <Details exchange={open} now={now} onClose={() => setOpened(null)} />}
    </>
  );
}

function toTop(): void {
  document.querySelector(".log")?.scrollTo({ top: 0 });
}

function Tap({ paused, news, turn }: { paused: boolean; news: number; turn: () => void }) {
  return (
    <button type="button" onClick={turn}>
      {paused ? <Play aria-hidden size={16} /> : <Pause aria-hidden size={16} />}
      {paused ? `Continue (${number(news)} new)` : "Pause"}
    </button>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered) return <Empty title="No message is like that.">Ask for less, or look back.</Empty>;
  return (
    <Empty title="Nobody has said anything yet.">
      As soon as a charger connects, what it says appears here.
    </Empty>
  );
}

function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some((value) => value !== "");
}

/** How far back one sees, and how to see more. */
function Back({
  log: { past, older, shown },
  picking,
  found,
  change,
}: {
  log: Following;
  picking: boolean;
  found: number;
  change: (some: Partial<Filters>) => void;
}) {
  const oldest = shown.rows.at(-1);
  if (!oldest) return null;
  const at = oldest.call.timestamp;
  return (
    <div className="head end back quiet">
      <p>
        {picking
          ? `${number(found)} of the ${number(shown.rows.length)} messages that are loaded`
          : `${number(found)} messages`}
        , back to {clock(at)}
        {past === "end" && ": that is all there is"}
        {past === "full" && ": that is as many as are shown at a time"}.
      </p>
      {past === "more" && (
        <button type="button" onClick={older}>
          Look further back
        </button>
      )}
      {past === "full" && (
        <button type="button" onClick={() => change({ until: local(at) })}>
          Go on from there
        </button>
      )}
      {past === "reading" && "Looking further back …"}
    </div>
  );
}

/** Write a moment as an input of the type datetime-local has it. */
function local(timestamp: string): string {
  const date = new Date(Date.parse(timestamp) + 1000);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}
