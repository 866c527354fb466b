/** The people of the organization, where the server lets people in by sessions. */

import { type FormEvent, useMemo, useState } from "react";
import { ask, own } from "../lib/client";
import { fieldError } from "../lib/fields";
import { moment } from "../lib/format";
import type { Scope } from "../lib/may";
import { useWrite } from "../lib/mutate";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Dialog } from "../parts/Dialog";
import { Field, Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { type Column, Table } from "../parts/Table";
import { ScopeField } from "./ScopeField";
import { type Member, SCOPES } from "./types";

export function Members() {
  const members = useAll<{ members: Member[] }>(own("/members"), "members", 30);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const columns = useMemo(() => [...COLUMNS, removeColumn(setRemoving)], []);
  return (
    <section className="keys">
      <div className="head">
        <h2>Members</h2>
        <div className="end">
          <Act needs="admin" onClick={() => setAdding(true)}>
            Add a member
          </Act>
        </div>
      </div>
      <Shown of={members} what="The members">
        {(told) => (
          <Table
            label="Members"
            rows={told.members}
            columns={columns}
            rowKey={({ identity_id }) => identity_id}
            empty={
              <p className="quiet">
                Nobody yet. People come in with sessions of Ory Kratos, where the server has one
                (RINGMAIN_KRATOS_URL).
              </p>
            }
          />
        )}
      </Shown>
      {adding && <Add onClose={() => setAdding(false)} />}
      {removing && <Remove of={removing} onClose={() => setRemoving(null)} />}
    </section>
  );
}

const COLUMNS: readonly Column<Member>[] = [
  { id: "identity", head: "Identity", cell: ({ identity_id }) => <code>{identity_id}</code> },
  { id: "role", head: "Role", cell: (member) => <Role of={member} /> },
  { id: "since", head: "Since", cell: ({ created_at }) => moment(created_at) },
  { id: "by", head: "Let in by", cell: ({ created_by }) => created_by },
];

function removeColumn(remove: (member: Member) => void): Column<Member> {
  return {
    id: "remove",
    head: "Remove",
    cell: (member) => (
      <Act needs="admin" kind="bad" onClick={() => remove(member)}>
        Remove<span className="unseen"> {member.identity_id}</span>
      </Act>
    ),
  };
}

function Role({ of }: { of: Member }) {
  const write = useWrite(
    (role: Scope) => ask(own(`/members/${of.identity_id}`), { method: "PATCH", body: { role } }),
    (_, role) => `The member's role is ${role} now.`,
  );
  return (
    <>
      <select
        aria-label={`Role of ${of.identity_id}`}
        value={of.role}
        disabled={write.running}
        onChange={({ target }) => void write.run(target.value as Scope)}
      >
        {SCOPES.map(([value]) => (
          <option key={value}>{value}</option>
        ))}
      </select>
      <Wrong problem={write.problem} />
    </>
  );
}

function Remove({ of, onClose }: { of: Member; onClose: () => void }) {
  const write = useWrite(
    () => ask(own(`/members/${of.identity_id}`), { method: "DELETE" }),
    () => "The member is removed.",
  );
  return (
    <Confirm title="Remove this member?" action="Remove" write={write} onClose={onClose}>
      <p>
        <code>{of.identity_id}</code> is refused from the next request on.
      </p>
    </Confirm>
  );
}

function Add({ onClose }: { onClose: () => void }) {
  const [identity, setIdentity] = useState("");
  const [role, setRole] = useState<Scope>("read");
  const write = useWrite(
    () => ask(own("/members"), { method: "POST", body: { identity_id: identity.trim(), role } }),
    () => "The member is let in.",
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if ((await write.run()) !== undefined) onClose();
  };
  return (
    <Dialog title="Add a member" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <Field
          label="Identity"
          hint="The UUID of the Ory Kratos identity."
          error={fieldError(write.problem, "identity_id")}
        >
          {(given) => (
            <input
              {...given}
              required
              value={identity}
              onChange={({ target }) => setIdentity(target.value)}
            />
          )}
        </Field>
        <ScopeField
          label="Role"
          name="role"
          value={role}
          onChange={setRole}
          problem={write.problem}
        />
        <Wrong problem={write.problem} shown={["identity_id", "role"]} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <Act kind="main" needs="admin" running={write.running}>
            Add
          </Act>
        </div>
      </form>
    </Dialog>
  );
}
