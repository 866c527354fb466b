/** Where chargers stand. */

import { Plus } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { own } from "../lib/client";
import { moment, number } from "../lib/format";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Empty, Shown } from "../parts/Notice";
import { type Column, Table } from "../parts/Table";
import { NewSite } from "../sites/SiteDialogs";
import type { SiteInList } from "../sites/types";
import "./sites.css";

const COLUMNS: Column<SiteInList>[] = [
  {
    id: "name",
    head: "Site",
    cell: ({ site_id, name }) => <Link href={`/sites/${site_id}`}>{name}</Link>,
    value: ({ name }) => name,
  },
  {
    id: "chargers",
    head: "Chargers",
    align: "right",
    cell: ({ charger_count }) => number(charger_count),
    value: ({ charger_count }) => charger_count,
  },
  {
    id: "updated",
    head: "Last changed",
    cell: ({ updated_at }) => moment(updated_at),
    value: ({ updated_at }) => Date.parse(updated_at),
  },
];

export function SitesPage() {
  const sites = useAll<{ sites: SiteInList[] }>(own("/sites"), "sites", 30);
  const [making, setMaking] = useState(false);
  const [, navigate] = useLocation();
  const make = (
    <Act needs="operate" kind="main" onClick={() => setMaking(true)}>
      <Plus aria-hidden size={16} /> New site
    </Act>
  );
  return (
    <>
      <div className="head">
        <h1>Sites</h1>
        <div className="end">{make}</div>
      </div>
      <Shown of={sites} what="The sites">
        {(data) => (
          <Table
            label="Sites"
            rows={data.sites}
            columns={COLUMNS}
            rowKey={({ site_id }) => site_id}
            onRow={({ site_id }) => navigate(`/sites/${site_id}`)}
            sort={{ id: "name", desc: false }}
            empty={
              <Empty title="There is no site yet.">
                A site is a set of chargers that are connected to their operator by one call.
              </Empty>
            }
          />
        )}
      </Shown>
      {making && (
        <NewSite
          onClose={() => setMaking(false)}
          onDone={({ site_id }) => navigate(`/sites/${site_id}`)}
        />
      )}
    </>
  );
}
