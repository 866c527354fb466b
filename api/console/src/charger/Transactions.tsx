/** Who charged and charges here: those that run first, then those that have ended, by pages. */

import { useMemo, useState } from "react";
import { withQuery } from "../lib/client";
import { energy, moment } from "../lib/format";
import { useAt } from "../lib/queries";
import { Act } from "../parts/Act";
import { Dialog } from "../parts/Dialog";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { type Column, Table } from "../parts/Table";
import { operation } from "./catalogue";
import { OperationForm } from "./OperationForm";
import { type Scene, stationPath } from "./operations";
import { More, usePages } from "./pages";
import { endWords, lasted } from "./sessions";
import { TransactionDetail } from "./TransactionDetail";
import type { Transaction } from "./types";

interface Page {
  transactions: Transaction[];
  nextCursor: string | null;
}

export function Running({ scene }: { scene: Scene }) {
  const [asked, setAsked] = useState<{ id: string; transaction: Transaction } | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const { station } = scene;
  const columns = useMemo(
    () => runningColumns(station, setShown, (id, transaction) => setAsked({ id, transaction })),
    [station],
  );
  return (
    <section className="card">
      <h2>Running transactions</h2>
      <Table
        label="Running transactions"
        rows={station.runningTransactions}
        columns={columns}
        rowKey={({ transactionId }) => transactionId}
        empty={<p className="quiet">No transaction is running.</p>}
      />
      {asked && (
        <Dialog title={operation(asked.id).title} onClose={() => setAsked(null)}>
          <OperationForm
            operation={operation(asked.id)}
            scene={scene}
            values={valuesFor(asked.transaction)}
          />
        </Dialog>
      )}
      {shown && <TransactionDetail id={scene.id} one={shown} onClose={() => setShown(null)} />}
    </section>
  );
}

function valuesFor({ transactionId }: Transaction) {
  return { transactionId, evse: `tx:${transactionId}` };
}

function runningColumns(
  { powerLimits }: Scene["station"],
  show: (id: string) => void,
  ask: (id: string, transaction: Transaction) => void,
): Column<Transaction>[] {
  const limitOf = ({ transactionId }: Transaction) =>
    powerLimits
      .filter((one) => one.transactionId === transactionId)
      .flatMap(({ limit }) => Object.entries(limit))
      .map(([unit, value]) => `${value} ${unit.endsWith("A") ? "A" : "kW"}`)
      .join(", ");
  return [
    ...common(show),
    { id: "limit", head: "Own limit", cell: (one) => limitOf(one) || "–" },
    {
      id: "do",
      head: "Actions",
      cell: (one) => (
        <span className="actions">
          <Act needs="operate" onClick={() => ask("limit", one)}>
            Limit
          </Act>
          <Act needs="operate" onClick={() => ask("stop", one)}>
            Stop
          </Act>
        </span>
      ),
    },
  ];
}

function common(show: (id: string) => void): Column<Transaction>[] {
  return [
    {
      id: "id",
      head: "Transaction",
      cell: ({ transactionId }) => (
        <button type="button" className="plain" onClick={() => show(transactionId)}>
          {transactionId}
        </button>
      ),
    },
    { id: "evse", head: "EVSE", cell: ({ evseId }) => evseId },
    { id: "token", head: "Token", cell: ({ idToken }) => (idToken ? <code>{idToken}</code> : "–") },
    { id: "since", head: "Started", cell: started },
    { id: "lasted", head: "Duration", cell: (one) => lasted(one, new Date()), align: "right" },
    { id: "energy", head: "Energy", cell: charged, align: "right" },
  ];
}

function started({ startedAt }: Transaction) {
  return <span className="nowrap">{moment(startedAt)}</span>;
}

function charged({ energyWh }: Transaction) {
  return <span className="nowrap">{energy(energyWh)}</span>;
}

export function Transactions({ id }: { id: string }) {
  const [shown, setShown] = useState<string | null>(null);
  const { cursor, ...pages } = usePages();
  const found = useAt<Page>(
    withQuery(`${stationPath(id)}/transactions`, { limit: 25, cursor }),
    10,
  );
  const columns = useMemo<Column<Transaction>[]>(
    () => [
      ...common(setShown),
      { id: "state", head: "State", cell: ({ state }) => <State of={state} /> },
      { id: "end", head: "End", cell: endWords },
    ],
    [],
  );
  return (
    <section className="card" aria-labelledby="transactions-head">
      <h2 id="transactions-head">All transactions</h2>
      <Shown of={found} what="the transactions">
        {({ transactions, nextCursor }) => (
          <>
            <Table
              label="Transactions of this charger"
              rows={transactions}
              columns={columns}
              rowKey={({ transactionId }) => transactionId}
              empty={<p className="quiet">Nobody has charged here yet.</p>}
            />
            <More {...pages} next={nextCursor} />
          </>
        )}
      </Shown>
      {shown && <TransactionDetail id={id} one={shown} onClose={() => setShown(null)} />}
    </section>
  );
}
