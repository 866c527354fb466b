/** Every charger at a glance, live: who is there, what each does, and how its target link is. */

import { number } from "../lib/format";
import { Plus } from "lucide-react";
import { type ReactNode, useDeferredValue, useMemo, useState } from "react";
import { useLocation } from "wouter";
import { columnsOf } from "../fleet/columns";
import { EnrolDialog } from "../fleet/EnrolDialog";
import { FilterBar } from "../fleet/FilterBar";
import { type Filters, filtersOf, passing } from "../fleet/filters";
import type { FleetRow } from "../fleet/row";
import { useSiteNames } from "../fleet/sites";
import { TotalCards } from "../fleet/Totals";
import { totals } from "../fleet/totals";
import { useFleet, type Watched } from "../fleet/useFleet";
import { chargerPath, useQueryOfPlace } from "../lib/place";
import { Act } from "../parts/Act";
import { Empty, Failure, Loading, Stale } from "../parts/Notice";
import { Live } from "../parts/State";
import { Table } from "../parts/Table";
import "./fleet.css";

export function FleetPage() {
  const fleet = useFleet();
  const sites = useSiteNames();
  const [enrolling, setEnrolling] = useState(false);
  const enrol = (
    <Act needs="operate" kind="main" onClick={() => setEnrolling(true)}>
      <Plus aria-hidden size={16} /> Enrol a charger
    </Act>
  );
  return (
    <>
      <div className="head">
        <h1>Fleet</h1>
        <Live liveness={fleet.stream.liveness} why={fleet.stream.why?.message} />
        <div className="end">{fleet.rows.length > 0 && enrol}</div>
      </div>
      {fleet.problem && fleet.rows.length > 0 && <Stale problem={fleet.problem} />}
      {fleet.rows.length > 0 ? (
        <Chargers fleet={fleet} sites={sites} />
      ) : (
        <Nothing fleet={fleet} enrol={enrol} />
      )}
      {enrolling && <EnrolDialog sites={sites} onClose={() => setEnrolling(false)} />}
    </>
  );
}

function Nothing({ fleet, enrol }: { fleet: Watched; enrol: ReactNode }) {
  const problem = fleet.problem ?? fleet.stream.problem;
  if (problem) return <Failure problem={problem} what="The fleet" />;
  if (!fleet.whole) return <Loading what="the fleet" />;
  return (
    <Empty title="There is no charger yet.">
      <p>Enrol the first one: you get the URL and the password that go into it.</p>
      <p className="first">{enrol}</p>
    </Empty>
  );
}

const MODEST_ROW_PX = 58;

function Chargers({ fleet, sites }: { fleet: Watched; sites: ReadonlyMap<string, string> }) {
  const [query, setQuery] = useQueryOfPlace();
  const [, navigate] = useLocation();
  const filters = useMemo(() => filtersOf(query), [query]);
  // What is typed is drawn before what it finds.
  const looked = useDeferredValue(filters);
  const { rows, whole } = fleet;
  const sum = useMemo(() => totals(rows), [rows]);
  const found = useMemo(() => passing(rows, looked, sites), [rows, looked, sites]);
  const versions = useMemo(() => versionsOf(rows), [rows]);
  const columns = useMemo(() => columnsOf(sites), [sites]);
  const change = (some: Partial<Filters>) => setQuery(some);
  return (
    <>
      <TotalCards sum={sum} filters={filters} change={change} />
      <FilterBar filters={filters} change={change} sites={sites} versions={versions} />
      <p className="quiet count" role="status">
        {found.length === rows.length ? "" : `${number(found.length)} of `}
        {number(rows.length)} {rows.length === 1 ? "charger" : "chargers"}
        {whole ? "" : ", more are being read …"}
      </p>
      <Table
        label="Chargers"
        rows={found}
        columns={columns}
        rowKey={(row) => row.charge_box_id}
        rowHeight={MODEST_ROW_PX}
        height="max(22rem, calc(100vh - 16rem))"
        onRow={(row) => navigate(chargerPath(row.charge_box_id))}
        sort={{ id: query.sort ?? "id", desc: query.order === "down" }}
        onSort={(sort) => setQuery({ sort: sort?.id ?? "", order: sort?.desc ? "down" : "" })}
        empty={<Empty title="No charger is like that.">Change or clear the filters.</Empty>}
      />
    </>
  );
}

function versionsOf(rows: readonly FleetRow[]): string[] {
  const versions = new Set<string>();
  for (const { ocpp_version } of rows) if (ocpp_version) versions.add(ocpp_version);
  return [...versions].sort();
}
