/** Measured power, and over it the limits that held and will hold. */

import { useMemo, useState } from "react";
import { moment, watts } from "../lib/format";
import { Failure, Loading, Stale } from "../parts/Notice";
import { Table } from "../parts/Table";
import { Canvas } from "./Canvas";
import { usePower } from "./data";
import {
  inWords,
  type Line,
  linesOf,
  placeName,
  placesOf,
  type PlotRow,
  RANGES,
  type Range,
  rowsOf,
  valueAt,
} from "./plot";
import type { Power } from "./types";

export function PowerPlot({ id }: { id: string }) {
  const [range, setRange] = useState<Range>(RANGES[1] as Range);
  const power = usePower(id, range);
  return (
    <section className="card" aria-labelledby="power-head">
      <div className="head">
        <h2 id="power-head">Power</h2>
        <Ranges chosen={range} choose={setRange} />
      </div>
      {power.error && power.data && power.error.status !== 0 && <Stale problem={power.error} />}
      {power.data ? (
        <Plotted power={power.data} range={range} />
      ) : power.error ? (
        <Failure problem={power.error} what="The power" />
      ) : (
        <Loading what="the power" />
      )}
    </section>
  );
}

function Ranges({ chosen, choose }: { chosen: Range; choose: (range: Range) => void }) {
  return (
    <div className="ranges end" role="group" aria-label="How far back">
      {RANGES.map((range) => (
        <button
          key={range.id}
          type="button"
          aria-pressed={range === chosen}
          onClick={() => choose(range)}
        >
          {range.label}
        </button>
      ))}
    </div>
  );
}

function Plotted({ power, range }: { power: Power; range: Range }) {
  const [pointed, setPointed] = useState<number | null>(null);
  // Anew with each answer, so that the plot moves on also where nothing is measured.
  const now = useMemo(() => new Date(), [power, range]);
  const since = now.getTime() / 1000 - range.seconds;
  const until = now.getTime() / 1000 + range.ahead;
  const lines = useMemo(() => linesOf(power, since, until), [power, since, until]);
  return (
    <>
      <Legend lines={lines} moment={pointed} />
      <Canvas
        lines={lines}
        since={since}
        now={now.getTime() / 1000}
        until={until}
        onPoint={setPointed}
      />
      <p className="quiet" data-plot="words">
        {inWords(power, now)}
      </p>
      <details>
        <summary>The plot as a table</summary>
        <Values power={power} now={now} />
      </details>
    </>
  );
}

/** The colour of a line is that of its sample here, in light and dark. */
function Legend({ lines, moment: at }: { lines: readonly Line[]; moment: number | null }) {
  return (
    <ul className="legend" aria-label="Lines of the plot">
      {lines.map((line) => (
        <li key={line.label}>
          <span
            className={`sample ${line.kind} line-${line.evse % 6}`}
            data-line={line.label}
            aria-hidden
          />
          {line.label}
          {at !== null && <strong aria-hidden>{watts(valueAt(line, at))}</strong>}
        </li>
      ))}
      {at !== null && (
        <li aria-hidden className="quiet">
          {moment(new Date(at * 1000).toISOString())}
        </li>
      )}
    </ul>
  );
}

function Values({ power, now }: { power: Power; now: Date }) {
  const columns = useMemo(() => {
    const places = placesOf(power);
    const ofPlaces = places.flatMap((place, n) => [
      ...(place === 0
        ? []
        : [
            {
              id: `power-${place}`,
              head: placeName(place),
              cell: (row: PlotRow) => watts(row.cells[n]?.power),
              align: "right" as const,
            },
          ]),
      {
        id: `limit-${place}`,
        head: `${placeName(place)} limit`,
        cell: (row: PlotRow) => watts(row.cells[n]?.limit),
        align: "right" as const,
      },
    ]);
    const time = { id: "time", head: "Time", cell: (row: PlotRow) => moment(row.timestamp) };
    return [time, ...ofPlaces];
  }, [power]);
  return (
    <Table
      label="Measured power and limits"
      rows={rowsOf(power, now)}
      columns={columns}
      rowKey={({ timestamp }) => timestamp}
      height="20rem"
      empty={<p className="quiet">Nothing was measured in this time.</p>}
    />
  );
}
