/** The station and its EVSEs: what goes on there, what limits it, and what is done most. */

import { useState } from "react";
import { ago, energy, moment, number } from "../lib/format";
import { Act } from "../parts/Act";
import { Dialog } from "../parts/Dialog";
import { State } from "../parts/State";
import { operation } from "./catalogue";
import { OperationForm } from "./OperationForm";
import { Closed, useClosed, type Wish } from "./Closed";
import { evsesOf, type Scene, type Values } from "./operations";
import type { EffectiveLimit, PowerLimit, Station, Transaction, Verdict } from "./types";

interface Opened {
  id: string;
  values: Values;
}

export function Evses({ scene }: { scene: Scene }) {
  const [asked, setAsked] = useState<Opened | null>(null);
  const { station } = scene;
  const quick = (id: string, values: Values) => setAsked({ id, values });
  const closed = useClosed(scene.id);
  return (
    <section className="cards" aria-label="Station and EVSEs">
      {evsesOf(station).map((evse) => (
        <Evse key={evse} station={station} evse={evse} closed={closed} quick={quick} />
      ))}
      <Whole station={station} closed={closed} quick={quick} />
      {asked && (
        <Dialog title={operation(asked.id).title} onClose={() => setAsked(null)}>
          <OperationForm operation={operation(asked.id)} scene={scene} values={asked.values} />
        </Dialog>
      )}
    </section>
  );
}

type Quick = (id: string, values: Values) => void;

interface PlaceProps {
  station: Station;
  closed: readonly Wish[];
  quick: Quick;
}

function Evse({ station, evse, closed, quick }: PlaceProps & { evse: number }) {
  const connectors = station.connectors.filter(({ evseId }) => evseId === evse);
  const running = station.runningTransactions.filter(({ evseId }) => evseId === evse);
  const truth = station.evses.find(({ evseId }) => evseId === evse);
  const place = { evse: String(evse) };
  return (
    <article className="card evse" aria-label={`EVSE ${evse}`}>
      <div className="head">
        <h2>EVSE {evse}</h2>
        {connectors.map(({ connectorId, status }) => (
          <State
            key={connectorId}
            of={status}
            title={connectors.length > 1 ? `Connector ${connectorId}` : null}
          />
        ))}
        {connectors.length === 0 && <State of="unknown" />}
      </div>
      <div className="told">
        <Errors station={station} evse={evse} />
        <Closed wishes={closed} evse={evse} />
        {running.map((one) => (
          <Running key={one.transactionId} transaction={one} />
        ))}
        {running.length === 0 && <p className="quiet">No transaction is running.</p>}
        <Limited limit={truth?.effectiveLimit ?? null} obeys={truth?.obeys ?? "unknown"} />
        <Wanted limits={station.powerLimits.filter(({ evseId }) => evseId === evse)} />
      </div>
      <div className="actions start">
        {running.length === 0 ? (
          <Act needs="operate" onClick={() => quick("start", place)}>
            Start
          </Act>
        ) : (
          <Act
            needs="operate"
            onClick={() => quick("stop", { transactionId: running[0]?.transactionId ?? "" })}
          >
            Stop
          </Act>
        )}
        <Act needs="operate" onClick={() => quick("limit", place)}>
          Limit
        </Act>
        <Act needs="operate" onClick={() => quick("availability", place)}>
          Availability
        </Act>
        <Act needs="operate" onClick={() => quick("unlock", place)}>
          Unlock
        </Act>
      </div>
    </article>
  );
}

function Errors({ station, evse }: { station: Station; evse: number }) {
  const errors = station.connectors.filter(
    ({ evseId, errorCode }) => evseId === evse && errorCode && errorCode !== "NoError",
  );
  return errors.map(({ connectorId, errorCode }) => (
    <p key={connectorId} className="wrong">
      {connectorId > 0 && `Connector ${connectorId}: `}
      {errorCode}
    </p>
  ));
}

function Running({ transaction }: { transaction: Transaction }) {
  const { transactionId, idToken, startedAt, energyWh, stopAskedAt } = transaction;
  return (
    <p>
      Transaction <code>{transactionId}</code> since {moment(startedAt)}
      {idToken && (
        <>
          {" "}
          by <code>{idToken}</code>
        </>
      )}
      : <strong>{energy(energyWh)}</strong>
      {stopAskedAt && <span className="quiet"> (asked to stop {ago(stopAskedAt)})</span>}
    </p>
  );
}

function Whole({ station, closed, quick }: PlaceProps) {
  const place = { evse: "0" };
  const own = station.connectors.find(({ evseId }) => evseId === 0);
  return (
    <article className="card evse" aria-label="Whole station">
      <div className="head">
        <h2>Whole station</h2>
        {own && <State of={own.status} />}
      </div>
      <div className="told">
        <Errors station={station} evse={0} />
        <Closed wishes={closed} evse={0} />
        <Limited limit={station.effectiveLimit} obeys={station.obeys} />
        <Wanted limits={station.powerLimits.filter(({ evseId }) => evseId === 0)} />
        {station.reportedLimits.map(({ source, evseId, isLocalGeneration, updatedAt }) => (
          <p key={`${source}-${evseId}`} className="quiet">
            The charger tells of {isLocalGeneration ? "local generation" : "a limit"} by {source} on{" "}
            {evseId === 0 ? "the station" : `EVSE ${evseId}`}, {ago(updatedAt)}.
          </p>
        ))}
      </div>
      <div className="actions start">
        <Act needs="operate" onClick={() => quick("limit", place)}>
          Limit
        </Act>
        <Act needs="operate" onClick={() => quick("availability", place)}>
          Availability
        </Act>
        <Act needs="operate" onClick={() => quick("reset", {})}>
          Restart
        </Act>
      </div>
    </article>
  );
}

const SOURCES: Record<string, string> = {
  platform: "a power limit",
  profile: "a charging profile",
  target: "the target",
};

/** The limit that holds, whose it is, and whether the charger keeps to it. */
function Limited({ limit, obeys }: { limit: EffectiveLimit | null; obeys: Verdict }) {
  if (!limit) return <p className="quiet">Nothing known limits it.</p>;
  const kw = `${number(limit.kw, 0, 2)} kW`;
  const written = limit.unit === "A" ? `${number(limit.value, 0, 3)} A (${kw})` : kw;
  return (
    <p className="limited">
      <span>
        Limit <strong>{written}</strong> by {SOURCES[limit.source] ?? limit.source}
        {limit.until && ` until ${moment(limit.until)}`}
      </span>
      <Obeys obeys={obeys} />
    </p>
  );
}

function Obeys({ obeys }: { obeys: Verdict }) {
  if (obeys === "unknown") return <span className="state off">not known if obeyed</span>;
  return obeys ? (
    <span className="state good">obeyed</span>
  ) : (
    <span className="state bad">not obeyed</span>
  );
}

/** What was asked for with options or a comment is said, as it explains the limit that holds. */
function Wanted({ limits }: { limits: readonly PowerLimit[] }) {
  const told = limits.filter(({ comment, condition, transactionId }) =>
    [comment, condition, transactionId].some(Boolean),
  );
  return told.map((one) => (
    <p key={`${one.chargingProfileId}-${one.createdAt}`} className="quiet">
      {amount(one)}
      {one.transactionId && ` for transaction ${one.transactionId}`}
      {one.condition && ` ${one.condition}`}
      {one.comment && `: ${one.comment}`}
    </p>
  ));
}

function amount({ limit }: PowerLimit): string {
  return Object.entries(limit)
    .map(([unit, value]) => `${number(value, 0, 3)} ${unit.endsWith("A") ? "A" : "kW"}`)
    .join(", ");
}
