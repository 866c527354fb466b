/** What the overview shows of each charger. */

import { Link } from "wouter";
import { ago, moment, number, watts } from "../lib/format";
import { chargerPath } from "../lib/place";
import { State } from "../parts/State";
import type { Column } from "../parts/Table";
import type { FleetRow } from "./row";

/** Return the columns; sites are named where there are any. */
export function columnsOf(siteNames: ReadonlyMap<string, string>): Column<FleetRow>[] {
  const siteOf = ({ site_id }: FleetRow) =>
    site_id === null ? null : (siteNames.get(site_id) ?? site_id);
  const site: Column<FleetRow> = {
    id: "site",
    head: "Site",
    width: "10%",
    cell: (row) => whole(siteOf(row)),
    value: siteOf,
  };
  return siteNames.size > 0 ? COLUMNS.toSpliced(2, 0, site) : COLUMNS;
}

const COLUMNS: Column<FleetRow>[] = [
  { id: "id", head: "Charger", cell: name, value: (row) => row.charge_box_id },
  {
    id: "state",
    head: "State",
    width: "7rem",
    cell: ({ state }) => <State of={state} />,
    value: ({ state }) => state,
  },
  {
    id: "connectors",
    head: "Connectors",
    width: "13%",
    cell: (row) => whole(connectors(row)) ?? <span className="quiet">none told</span>,
    value: (row) => row.connectors.length,
  },
  {
    id: "power",
    head: "Power",
    align: "right",
    width: "5.75rem",
    cell: ({ power_w }) => watts(power_w),
    value: ({ power_w }) => power_w,
  },
  {
    id: "sessions",
    head: "Sessions",
    align: "right",
    width: "5.5rem",
    cell: ({ running_transactions }) => running_transactions || "–",
    value: ({ running_transactions }) => running_transactions,
  },
  {
    id: "link",
    head: "Target link",
    width: "19%",
    cell: target,
    value: ({ target }) => target?.state ?? null,
  },
  {
    id: "version",
    head: "OCPP",
    width: "4.25rem",
    cell: ({ ocpp_version }) => ocpp_version ?? "–",
    value: ({ ocpp_version }) => ocpp_version,
  },
  {
    id: "seen",
    head: "Last seen",
    width: "6.25rem",
    cell: ({ connected, last_seen }) =>
      connected ? "now" : <span title={moment(last_seen)}>{ago(last_seen)}</span>,
    value: ({ connected, last_seen }) =>
      connected ? Number.MAX_VALUE : last_seen ? Date.parse(last_seen) : null,
  },
];

function name(row: FleetRow) {
  const { charge_box_id, charger_name, vendor_name, model_name } = row;
  const more = [
    charger_name === charge_box_id ? "" : charger_name,
    [vendor_name, model_name].filter(Boolean).join(" "),
  ];
  return (
    <div className="stacked">
      <Link href={chargerPath(charge_box_id)}>{charge_box_id}</Link>
      <span className="quiet">{more.filter(Boolean).join(" · ")}</span>
    </div>
  );
}

/** A text that may be longer than its column. */
function whole(text: string | null) {
  return text ? <span title={text}>{text}</span> : null;
}

/** Say how many connectors are in which state: "2 Available, Charging". */
function connectors(row: FleetRow): string {
  const counts = new Map<string, number>();
  for (const { evse_id, status } of row.connectors) {
    // EVSE 0 is the charger as a whole.
    if (evse_id !== 0 || row.connectors.length === 1) {
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  }
  return [...counts]
    .map(([status, count]) => (count === 1 ? status : `${number(count)} ${status}`))
    .join(", ");
}

function target({ target }: FleetRow) {
  if (!target) return <span className="quiet">–</span>;
  return (
    <div className="stacked">
      <span>
        <State of={target.state} /> {target.target_platform_identifier}
      </span>
      {target.reason && (
        <span className="quiet" title={target.reason}>
          {target.reason}
        </span>
      )}
    </div>
  );
}
