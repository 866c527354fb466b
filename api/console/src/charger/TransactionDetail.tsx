/** One transaction, with what was measured in it. */

import type { ReactNode } from "react";
import { withQuery } from "../lib/client";
import { energy, moment, number } from "../lib/format";
import { useAt } from "../lib/queries";
import { Dialog } from "../parts/Dialog";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import { stationPath } from "./operations";
import { More, usePages } from "./pages";
import { doubtWords, endWords, lasted } from "./sessions";
import type { Transaction } from "./types";

interface MeterValue {
  timestamp: string;
  measurand: string;
  value: number;
  unit: string;
  phase: string | null;
  context: string | null;
  location: string | null;
}

interface Metered extends Transaction {
  idTokenType: string | null;
  contractId: string | null;
  authorizationReference: string | null;
  meterValues: MeterValue[];
}

const COLUMNS: readonly Column<MeterValue>[] = [
  { id: "time", head: "Time", cell: ({ timestamp }) => moment(timestamp) },
  {
    id: "measurand",
    head: "Measurand",
    cell: ({ measurand, phase }) => (phase ? `${measurand} ${phase}` : measurand),
  },
  {
    id: "value",
    head: "Value",
    cell: ({ value, unit }) => `${number(value, 0, 3)} ${unit}`,
    align: "right",
  },
  { id: "context", head: "Context", cell: ({ context }) => context ?? "–" },
];

export function TransactionDetail({
  id,
  one,
  onClose,
}: {
  id: string;
  one: string;
  onClose: () => void;
}) {
  const { cursor, ...pages } = usePages();
  const path = `${stationPath(id)}/transactions/${encodeURIComponent(one)}`;
  const found = useAt<{ transaction: Metered; nextCursor: string | null }>(
    withQuery(path, { limit: 25, cursor }),
    5,
  );
  return (
    <Dialog title={`Transaction ${one}`} wide onClose={onClose}>
      <Shown of={found} what="the transaction">
        {({ transaction, nextCursor }) => (
          <>
            <Facts of={transaction} />
            {transaction.doubts.map((doubt) => (
              <p key={doubt} className="wrong">
                {doubtWords(doubt)}
              </p>
            ))}
            <h3>Meter values</h3>
            <Table
              label="Meter values"
              rows={transaction.meterValues}
              columns={COLUMNS}
              rowKey={keyOf}
              height="50vh"
              empty={<p className="quiet">None has been told here.</p>}
            />
            <More {...pages} next={nextCursor} />
          </>
        )}
      </Shown>
    </Dialog>
  );
}

function keyOf({ timestamp, measurand, phase, context, location, value }: MeterValue): string {
  return [timestamp, measurand, phase, context, location, value].join(" ");
}

function Facts({ of }: { of: Metered }) {
  const facts: [string, ReactNode][] = [
    ["State", <State key="state" of={of.state} />],
    ["EVSE", of.evseId],
    ["Token", [of.idToken, of.idTokenType].filter(Boolean).join(", ") || "–"],
    ["Started", moment(of.startedAt)],
    ["Ended", of.stoppedAt ? `${moment(of.stoppedAt)}, ${endWords(of)}` : "–"],
    ["Duration", lasted(of, new Date())],
    ["Energy", energy(of.energyWh)],
    ["Contract", of.contractId],
    ["Authorization", of.authorizationReference],
  ];
  return (
    <dl>
      {facts
        .filter(([, told]) => told !== null && told !== undefined)
        .map(([name, told]) => (
          <div key={name} className="row">
            <dt>{name}</dt>
            <dd>{told}</dd>
          </div>
        ))}
    </dl>
  );
}
