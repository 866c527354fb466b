/** When the charger was connected, from where, and why each connection ended. */

import { withQuery } from "../lib/client";
import { bytes, duration, moment, number } from "../lib/format";
import { useOwn } from "../lib/queries";
import { Shown } from "../parts/Notice";
import { type Column, Table } from "../parts/Table";
import { ofCharger } from "./data";
import { More, usePages } from "./pages";
import { closeWords, piecesOf, shareOf } from "./presence";
import type { ConnectionSpan } from "./types";

interface Spans {
  connections: ConnectionSpan[];
  next_cursor: string | null;
}

interface Now {
  connection: {
    connected: boolean;
    since: string | null;
    remote_address: string | null;
    subprotocol: string | null;
    security_profile: number;
    frames_received: number | null;
    frames_sent: number | null;
    bytes_received: number | null;
    bytes_sent: number | null;
  };
}

const DAY = 86_400;

const COLUMNS: readonly Column<ConnectionSpan>[] = [
  { id: "since", head: "Since", cell: ({ since }) => moment(since) },
  { id: "until", head: "Until", cell: ({ until }) => (until ? moment(until) : "now") },
  { id: "lasted", head: "Duration", cell: lasted, align: "right" },
  { id: "end", head: "How it ended", cell: closeWords },
  { id: "from", head: "From", cell: ({ remote_address }) => remote_address ?? "–" },
  { id: "protocol", head: "Protocol", cell: ({ subprotocol }) => subprotocol ?? "none" },
  {
    id: "frames",
    head: "Frames in / out",
    cell: ({ frames_received, frames_sent }) => `${frames_received ?? "–"} / ${frames_sent ?? "–"}`,
    align: "right",
  },
  {
    id: "bytes",
    head: "Bytes in / out",
    cell: ({ bytes_received, bytes_sent }) => `${bytes(bytes_received)} / ${bytes(bytes_sent)}`,
    align: "right",
  },
];

function lasted({ since, until }: ConnectionSpan): string {
  const end = until ? Date.parse(until) : Date.now();
  return duration((end - Date.parse(since)) / 1000);
}

export function Connections({ id }: { id: string }) {
  return (
    <>
      <Current id={id} />
      <History id={id} />
    </>
  );
}

function Current({ id }: { id: string }) {
  const now = useOwn<Now>(ofCharger(id, "/connection"), 5);
  return (
    <section className="card" aria-labelledby="now-head">
      <h2 id="now-head">Connection now</h2>
      <Shown of={now} what="the connection">
        {({ connection }) =>
          connection.connected ? (
            <dl className="facts">
              <Fact name="Since" told={moment(connection.since)} />
              <Fact name="From" told={connection.remote_address ?? "–"} />
              <Fact name="Protocol" told={connection.subprotocol ?? "none"} />
              <Fact name="Security profile" told={String(connection.security_profile)} />
              <Fact
                name="Received"
                told={`${count(connection.frames_received)} frames, ${bytes(connection.bytes_received)}`}
              />
              <Fact
                name="Sent"
                told={`${count(connection.frames_sent)} frames, ${bytes(connection.bytes_sent)}`}
              />
            </dl>
          ) : (
            <p>It is not connected. It dials by itself; Ringmain cannot call it.</p>
          )
        }
      </Shown>
    </section>
  );
}

function Fact({ name, told }: { name: string; told: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{told}</dd>
    </div>
  );
}

function History({ id }: { id: string }) {
  const { cursor, ...pages } = usePages();
  const found = useOwn<Spans>(withQuery(ofCharger(id, "/connections"), { limit: 50, cursor }), 10);
  return (
    <section className="card" aria-labelledby="connections-head">
      <h2 id="connections-head">Connections</h2>
      <Shown of={found} what="the connections">
        {({ connections, next_cursor }) => (
          <>
            {!cursor && <Strip spans={connections} />}
            <Table
              label="Connections of this charger"
              rows={connections}
              columns={COLUMNS}
              rowKey={({ since, until }) => `${since} ${until}`}
              empty={<p className="quiet">It has not been connected yet.</p>}
            />
            <More {...pages} next={next_cursor} />
          </>
        )}
      </Shown>
    </section>
  );
}

/** The last day at a glance: coloured where it was connected. */
function Strip({ spans }: { spans: readonly ConnectionSpan[] }) {
  const end = Date.now() / 1000;
  const pieces = piecesOf(spans, end - DAY, end);
  const share = shareOf(pieces);
  return (
    <div>
      <div className="strip" aria-hidden="true">
        {pieces.map(({ from, to }) => (
          <span
            key={from}
            style={{
              // Also a moment is seen.
              left: `min(${100 * from}%, 100% - 3px)`,
              width: `max(3px, ${100 * (to - from)}%)`,
            }}
          />
        ))}
      </div>
      <p className="strip-scale quiet" aria-hidden="true">
        <span>24 h ago</span>
        <span>now</span>
      </p>
      <p>
        Connected for {duration(share * DAY)} of the last 24 hours, in {pieces.length}{" "}
        {pieces.length === 1 ? "connection" : "connections"}.
      </p>
    </div>
  );
}

function count(frames: number | null): string {
  return frames === null ? "–" : number(frames);
}
