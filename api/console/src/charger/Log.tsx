/** The messages of the charger, live; the whole log has more ways to look for some. */

import { useCallback, useEffect, useState } from "react";
import { Link } from "wouter";
import { number } from "../lib/format";
import { place } from "../lib/place";
import { Details } from "../log/Details";
import { asked, NONE } from "../log/filters";
import { LogTable } from "../log/LogTable";
import { Missed, Standing } from "../log/Standing";
import { useLog } from "../log/useLog";
import "../pages/messages.css";
import { Failure, Loading } from "../parts/Notice";

export function Log({ id }: { id: string }) {
  const [from, setFrom] = useState(0);
  return <View key={from} id={id} again={() => setFrom((before) => before + 1)} />;
}

function View({ id, again }: { id: string; again: () => void }) {
  const [query] = useState(() => asked({ ...NONE, charge_box_id: id }));
  const log = useLog(query);
  const { shown, past, older, hold } = log;
  const [away, setAway] = useState(false);
  const [opened, setOpened] = useState<number | null>(null);
  const held = away || opened !== null;
  useEffect(() => hold(held), [hold, held]);
  const onEnd = useCallback(() => {
    if (past === "more") older();
  }, [past, older]);
  const now = Date.now() + shown.ahead;
  const open = shown.rows.find(({ seq }) => seq === opened);
  return (
    <section className="card">
      <div className="head">
        <h2>Messages</h2>
        <Standing log={log} />
        {shown.news > 0 && <span className="quiet">{number(shown.news)} new, further up</span>}
        <Link className="end" href={place("/messages", { charge_box_id: id })}>
          The whole log, for this charger
        </Link>
      </div>
      <Missed messages={shown.missed} again={again} />
      {log.problem && <Failure problem={log.problem} what="The message log" />}
      {shown.rows.length > 0 && (
        <LogTable
          rows={shown.rows}
          now={now}
          onOpen={({ seq }) => setOpened(seq)}
          onAway={setAway}
          onEnd={onEnd}
        />
      )}
      {shown.rows.length === 0 && past !== "reading" && (
        <p className="quiet">Nothing has been said yet.</p>
      )}
      {shown.rows.length === 0 && past === "reading" && !log.problem && <Loading what="messages" />}
      {open && <Details exchange={open} now={now} onClose={() => setOpened(null)} />}
    </section>
  );
}
