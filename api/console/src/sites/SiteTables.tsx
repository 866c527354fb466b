/** What each charger of a site has, and what was applied to the site before. */

import { type ReactNode, useMemo } from "react";
import { Link } from "wouter";
import { ago, moment, number } from "../lib/format";
import { chargerPath } from "../lib/place";
import { useAt } from "../lib/queries";
import { Act } from "../parts/Act";
import { Empty, Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import { operator } from "./operator";
import { type ChargerConnection, type Rollout, short } from "./types";

export function Connections(props: {
  rows: ChargerConnection[];
  remove: (charge_box_id: string) => void;
  empty: ReactNode;
}) {
  const { rows, remove, empty } = props;
  const columns = useMemo(() => [...COLUMNS, leaving(remove)], [remove]);
  return (
    <Table
      label="Chargers of the site"
      rows={rows}
      columns={columns}
      rowKey={({ charge_box_id }) => charge_box_id}
      rowHeight={58}
      sort={{ id: "charger", desc: false }}
      empty={empty}
    />
  );
}

const COLUMNS: Column<ChargerConnection>[] = [
  {
    id: "charger",
    head: "Charger",
    value: ({ charge_box_id }) => charge_box_id,
    cell: ({ charge_box_id, serialNumber }) => (
      <div className="stacked">
        <Link href={chargerPath(charge_box_id)}>{charge_box_id}</Link>
        <span className="quiet">{serialNumber === charge_box_id ? "" : serialNumber}</span>
      </div>
    ),
  },
  {
    id: "installed",
    head: "Installed",
    width: "15%",
    value: ({ appliedVersion }) => appliedVersion,
    cell: ({ appliedVersion, wantedVersion, appliedAt }) => (
      <div className="stacked">
        <code title={appliedVersion ?? ""}>{short(appliedVersion)}</code>
        {wantedVersion !== appliedVersion && wantedVersion ? (
          <span className="quiet" title={wantedVersion}>
            wanted: {short(wantedVersion)}
          </span>
        ) : (
          <span className="quiet">{appliedAt && ago(appliedAt)}</span>
        )}
      </div>
    ),
  },
  {
    id: "state",
    head: "Last apply",
    width: "17%",
    value: ({ state }) => state,
    cell: ({ state, error }) => <Told state={state} why={error} />,
  },
  {
    id: "link",
    head: "Link",
    width: "25%",
    value: ({ linkState }) => linkState,
    cell: ({ linkState, lastError }) => (
      <Told state={linkState} why={linkState === "ready" ? null : lastError} />
    ),
  },
  {
    id: "drift",
    head: "Drift",
    width: "15%",
    value: ({ drift }) => drift.length,
    cell: ({ drift }) =>
      drift.length === 0 ? (
        <span className="quiet">none</span>
      ) : (
        <span className="wrong" title={`Changed by hand: ${drift.join(", ")}`}>
          {drift.join(", ")}
        </span>
      ),
  },
];

function leaving(remove: (charge_box_id: string) => void): Column<ChargerConnection> {
  return {
    id: "remove",
    head: "At the site",
    width: "8rem",
    cell: ({ charge_box_id }) => (
      <Act needs="operate" onClick={() => remove(charge_box_id)}>
        Remove<span className="unseen"> {charge_box_id}</span>
      </Act>
    ),
  };
}

function Told({ state, why }: { state: string | null; why: string | null }) {
  if (state === null) return <span className="quiet">–</span>;
  return (
    <div className="stacked">
      <span>
        <State of={state} />
      </span>
      {why && (
        <span className="quiet" title={why}>
          {why}
        </span>
      )}
    </div>
  );
}

const ROLLOUTS: Column<Rollout>[] = [
  {
    id: "begun",
    head: "Begun",
    cell: ({ createdAt }) => moment(createdAt),
    value: ({ createdAt }) => Date.parse(createdAt),
  },
  {
    id: "what",
    head: "What",
    cell: ({ version, takesBack }) =>
      takesBack ? (
        <span title={takesBack}>takes back {short(takesBack)}</span>
      ) : (
        <code title={version ?? ""}>{short(version)}</code>
      ),
  },
  { id: "state", head: "State", cell: ({ state }) => <State of={state} /> },
  {
    id: "counts",
    head: "Chargers",
    cell: ({ counts }) =>
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([step, count]) => `${number(count)} ${step}`)
        .join(", "),
  },
  { id: "error", head: "Why", cell: ({ error }) => error ?? "" },
];

const NEWEST = 50;

export function Rollouts({ id }: { id: string }) {
  const told = useAt<{ rollouts: Rollout[]; nextCursor: string | null }>(
    operator(`/connections/sites/${id}/rollouts?limit=${NEWEST}`),
    10,
  );
  return (
    <Shown of={told} what="What was applied before">
      {({ rollouts, nextCursor }) => (
        <>
          <Table
            label="What was applied to the site"
            rows={rollouts}
            columns={ROLLOUTS}
            rowKey={({ rolloutId }) => rolloutId}
            empty={<Empty title="Nothing was applied to this site yet." />}
          />
          {nextCursor && (
            <p className="quiet">The newest {NEWEST} are shown; the API has all of them.</p>
          )}
        </>
      )}
    </Shown>
  );
}
