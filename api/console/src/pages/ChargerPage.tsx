/** One charger: how it stands, and everything that is done with it. */

import { useEffect, useRef } from "react";
import { Link } from "wouter";
import "../charger/charger.css";
import { Commands } from "../charger/Commands";
import { Connections } from "../charger/Connections";
import { useFollowed, useStation } from "../charger/data";
import { Evses } from "../charger/Evses";
import { Head } from "../charger/Head";
import { Log } from "../charger/Log";
import type { Scene } from "../charger/operations";
import { PowerPlot } from "../charger/PowerPlot";
import { Settings } from "../charger/Settings";
import { Running, Transactions } from "../charger/Transactions";
import { chargerPath, place, useQueryOfPlace } from "../lib/place";
import { Empty, Shown } from "../parts/Notice";

const PARTS = [
  ["", "Overview"],
  ["transactions", "Transactions"],
  ["commands", "Commands"],
  ["connections", "Connections"],
  ["settings", "Settings"],
  ["log", "Log"],
] as const;

export function ChargerPage({ id }: { id: string }) {
  const found = useStation(id);
  const followed = useFollowed(id);
  const [{ part = "", what }] = useQueryOfPlace();
  if (found.error?.status === 404) {
    return (
      <>
        <h1>{id}</h1>
        <Empty title={`There is no charger ${id}.`}>
          <Link href="/">All chargers</Link>
        </Empty>
      </>
    );
  }
  return (
    <>
      {!found.data && <h1>{id}</h1>}
      <Shown of={found} what="The charger">
        {({ chargingStation: station }) => (
          <>
            <Head station={station} followed={followed} />
            <Parts id={id} chosen={part} />
            <Part scene={{ id, version: station.ocppVersion, station }} part={part} what={what} />
          </>
        )}
      </Shown>
    </>
  );
}

function Parts({ id, chosen }: { id: string; chosen: string }) {
  const list = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the list is longer than the screen is wide.
    list.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <nav ref={list} className="parts" aria-label="Parts of this charger">
      {PARTS.map(([part, name]) => (
        <Link
          key={part}
          href={place(chargerPath(id), { part })}
          aria-current={part === chosen ? "page" : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}

function Part({ scene, part, what }: { scene: Scene; part: string; what: string | undefined }) {
  const { id } = scene;
  switch (part) {
    case "transactions":
      return (
        <>
          <Running scene={scene} />
          <Transactions id={id} />
        </>
      );
    case "commands":
      return <Commands scene={scene} what={what} />;
    case "connections":
      return <Connections id={id} />;
    case "settings":
      return <Settings id={id} />;
    case "log":
      return <Log id={id} />;
    default:
      return (
        <>
          <Evses scene={scene} />
          <PowerPlot id={id} />
          <Running scene={scene} />
        </>
      );
  }
}
