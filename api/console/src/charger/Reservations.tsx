/** What is kept for whom at the charger. */

import { moment } from "../lib/format";
import { useAll } from "../lib/whole";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import { stationPath } from "./operations";

interface Reservation {
  reservationId: number;
  evseId: number | null;
  idToken: string;
  expiresAt: string;
  state: string;
}

const COLUMNS: readonly Column<Reservation>[] = [
  { id: "id", head: "Reservation", cell: ({ reservationId }) => reservationId },
  { id: "where", head: "Where", cell: ({ evseId }) => (evseId ? `EVSE ${evseId}` : "any EVSE") },
  { id: "token", head: "Token", cell: ({ idToken }) => <code>{idToken}</code> },
  { id: "until", head: "Until", cell: ({ expiresAt }) => moment(expiresAt) },
  { id: "state", head: "State", cell: ({ state }) => <State of={state} /> },
];

export function Reservations({ id }: { id: string }) {
  const found = useAll<{ reservations: Reservation[] }>(
    `${stationPath(id)}/reservations`,
    "reservations",
  );
  return (
    <Shown of={found} what="reservations">
      {({ reservations }) => (
        <Table
          label="Reservations"
          rows={reservations}
          columns={COLUMNS}
          rowKey={({ reservationId }) => String(reservationId)}
          empty={<p className="quiet">There are no reservations.</p>}
        />
      )}
    </Shown>
  );
}
