/** The keys of the organization, and the ways to make and to revoke one. */

import { Plus } from "lucide-react";
import { useMemo, useState } from "react";
import { ask, own } from "../lib/client";
import { ago, moment } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Empty, Shown } from "../parts/Notice";
import { type Column, Table } from "../parts/Table";
import { NewKeyForm } from "./NewKeyForm";
import { type ApiKey, ownWarning, stateOf } from "./types";

const TONES = { valid: "good", expired: "off", revoked: "off" };

export function Keys() {
  const keys = useAll<{ api_keys: ApiKey[] }>(own("/api_keys"), "api_keys", 30);
  const [making, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const columns = useMemo(() => [...COLUMNS, revokeColumn(setRevoking)], []);
  return (
    <section className="keys">
      <div className="actions start">
        <Act needs="admin" kind="main" onClick={() => setMaking(true)}>
          <Plus aria-hidden size={16} /> New key
        </Act>
      </div>
      <Shown of={keys} what="The keys">
        {({ api_keys }) => (
          <Table
            label="API keys"
            rows={api_keys}
            columns={columns}
            rowKey={({ key_id }) => key_id}
            rowClass={(key) => (stateOf(key, Date.now()) === "valid" ? undefined : "gone")}
            empty={<Empty title="There are no keys." />}
          />
        )}
      </Shown>
      {making && <NewKeyForm onClose={() => setMaking(false)} />}
      {revoking && (
        <Revoke of={revoking} all={keys.data?.api_keys ?? []} onClose={() => setRevoking(null)} />
      )}
    </section>
  );
}

const COLUMNS: readonly Column<ApiKey>[] = [
  {
    id: "name",
    head: "Name",
    cell: ({ name, key_id, own }) => (
      <span>
        {name ?? <span className="quiet">{key_id.slice(0, 8)}</span>}
        {own && <span className="quiet"> (your own)</span>}
      </span>
    ),
    value: ({ name }) => name,
  },
  { id: "scope", head: "Scope", cell: ({ scope }) => scope, value: ({ scope }) => scope },
  {
    id: "state",
    head: "State",
    cell: (key) => {
      const state = stateOf(key, Date.now());
      return <span className={`state ${TONES[state]}`}>{state}</span>;
    },
    value: (key) => stateOf(key, Date.now()),
  },
  {
    id: "used",
    head: "Last used",
    cell: ({ last_used_at }) => ago(last_used_at),
    value: ({ last_used_at }) => last_used_at,
  },
  {
    id: "made",
    head: "Made",
    cell: ({ created_at }) => moment(created_at),
    value: ({ created_at }) => created_at,
  },
  {
    id: "expires",
    head: "Expires",
    cell: ({ expires_at }) => (expires_at ? moment(expires_at) : "never"),
    value: ({ expires_at }) => expires_at,
  },
  { id: "id", head: "Id", cell: ({ key_id }) => <code>{key_id}</code> },
];

function revokeColumn(revoke: (key: ApiKey) => void): Column<ApiKey> {
  return {
    id: "revoke",
    head: "Revoke",
    cell: (key) =>
      stateOf(key, Date.now()) === "valid" && (
        <Act needs="admin" kind="bad" onClick={() => revoke(key)}>
          Revoke<span className="unseen"> {key.name ?? key.key_id}</span>
        </Act>
      ),
  };
}

function Revoke({ of, all, onClose }: { of: ApiKey; all: readonly ApiKey[]; onClose: () => void }) {
  const warning = ownWarning(of, all, Date.now());
  const name = of.name ?? of.key_id;
  const write = useWrite(
    () => ask(own(`/api_keys/${of.key_id}`), { method: "DELETE" }),
    () => `${name} is revoked.`,
  );
  return (
    <Confirm
      title={of.own ? `Revoke your own key ${name}?` : `Revoke ${name}?`}
      action={of.own ? "Revoke my own key" : "Revoke"}
      write={write}
      onClose={onClose}
    >
      <p>
        It is refused from the next request on, also on connections that are open. This cannot be
        undone.
      </p>
      {warning && <p className="wrong">{warning}</p>}
    </Confirm>
  );
}
