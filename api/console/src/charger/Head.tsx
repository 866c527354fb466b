/** Who a charger is, and how it stands. */

import type { ReactNode } from "react";
import { Link } from "wouter";
import type { FleetTarget } from "../fleet/row";
import { ago, moment, watts } from "../lib/format";
import { place } from "../lib/place";
import { useOwn } from "../lib/queries";
import type { Followed } from "../lib/stream";
import { Live, State } from "../parts/State";
import { ofCharger, useCharger, useRow } from "./data";
import type { Station } from "./types";

export function Head({ station, followed }: { station: Station; followed: Followed }) {
  const id = station.stationId;
  const row = useRow(id).data?.chargers[0];
  const state = station.connected ? (row?.state ?? "unknown") : "offline";
  return (
    <header className="card charger-head">
      <div className="head">
        <h1>{station.name}</h1>
        {station.name !== id && <code>{id}</code>}
        <State of={state} />
        {row && row.power_w !== null && <span className="power">{watts(row.power_w)}</span>}
        <span className="end">
          <Live liveness={followed.liveness} />
        </span>
      </div>
      <dl className="facts">
        <Fact name="OCPP">{station.ocppVersion ?? "never connected"}</Fact>
        <Fact name="Make">{make(station)}</Fact>
        <Fact name="Serial number">{station.serialNumber ?? "–"}</Fact>
        <Fact name="Firmware">{station.firmwareVersion ?? "–"}</Fact>
        <Presence station={station} />
        <Site id={id} />
      </dl>
      {row?.target && <Target id={id} target={row.target} />}
    </header>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function make({ vendorName, modelName }: Station): string {
  return [vendorName, modelName].filter(Boolean).join(" ") || "–";
}

function Presence({ station }: { station: Station }) {
  const connection = useOwn<{ connection: { since: string | null } }>(
    ofCharger(station.stationId, "/connection"),
    10,
  );
  const since = connection.data?.connection.since;
  if (station.connected) return <Fact name="Connected since">{moment(since)}</Fact>;
  return (
    <Fact name="Last seen">
      <span title={moment(station.lastSeen)}>{ago(station.lastSeen)}</span>
    </Fact>
  );
}

function Site({ id }: { id: string }) {
  const charger = useCharger(id).data?.charger;
  if (!charger?.site_id) return <Fact name="Site">none</Fact>;
  return (
    <Fact name="Site">
      <Named siteId={charger.site_id} />
    </Fact>
  );
}

function Named({ siteId }: { siteId: string }) {
  const path = `/sites/${encodeURIComponent(siteId)}`;
  const site = useOwn<{ site: { name: string } }>(path).data?.site;
  return <Link href={path}>{site?.name ?? siteId}</Link>;
}

function Target({ id, target }: { id: string; target: FleetTarget }) {
  return (
    <p className="target">
      Target {target.target_platform_identifier} <State of={target.state} />
      {target.reason && <span className="quiet">{target.reason}</span>}
      <Link href={place("/links", { text: id })}>Its proxy link</Link>
    </p>
  );
}
