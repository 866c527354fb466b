/** The client certificates that the charger may come in with. */

import { type FormEvent, useMemo, useState } from "react";
import { ask, own } from "../lib/client";
import { fieldError } from "../lib/fields";
import { moment } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Field, Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { type Column, Table } from "../parts/Table";
import { ofCharger } from "./data";

interface Certificate {
  sha256: string;
  subject: string;
  issuer: string;
  not_after: string;
  source: string;
  revoked_at: string | null;
}

export function Certificates({ id }: { id: string }) {
  const [revoking, setRevoking] = useState<Certificate | null>(null);
  const path = ofCharger(id, "/certificates");
  const found = useOwn<{ certificates: Certificate[] }>(path);
  const columns = useMemo(() => columnsOf(setRevoking), []);
  return (
    <section className="card">
      <h2>Client certificates</h2>
      <Shown of={found} what="the certificates">
        {({ certificates }) => (
          <Table
            label="Client certificates"
            rows={certificates}
            columns={columns}
            rowKey={({ sha256 }) => sha256}
            empty={<p className="quiet">It has none. Security profile 3 needs one.</p>}
          />
        )}
      </Shown>
      <Pin path={path} />
      {revoking && (
        <Revocation path={path} certificate={revoking} onClose={() => setRevoking(null)} />
      )}
    </section>
  );
}

function columnsOf(revoke: (certificate: Certificate) => void): Column<Certificate>[] {
  return [
    { id: "subject", head: "Subject", cell: ({ subject }) => subject },
    { id: "issuer", head: "Issuer", cell: ({ issuer }) => issuer },
    { id: "until", head: "Valid until", cell: ({ not_after }) => moment(not_after) },
    { id: "source", head: "Source", cell: ({ source }) => source },
    {
      id: "sha256",
      head: "SHA-256",
      cell: ({ sha256 }) => <code title={sha256}>{sha256.slice(0, 16)}…</code>,
    },
    {
      id: "do",
      head: "Actions",
      cell: (one) =>
        one.revoked_at ? (
          `revoked ${moment(one.revoked_at)}`
        ) : (
          <Act kind="bad" needs="admin" onClick={() => revoke(one)}>
            Revoke
          </Act>
        ),
    },
  ];
}

function Pin({ path }: { path: string }) {
  const [certificate, setCertificate] = useState("");
  const write = useWrite(
    () => ask<{ message: string }>(own(path), { method: "POST", body: { certificate } }),
    ({ message }) => message,
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if ((await write.run()) !== undefined) setCertificate("");
  };
  return (
    <details>
      <summary>Pin a certificate</summary>
      <form onSubmit={(event) => void submit(event)}>
        <Field
          label="Certificate in PEM"
          hint="From then on the charger comes in with a pinned or issued one only."
          error={fieldError(write.problem, "certificate")}
        >
          {(given) => (
            <textarea
              {...given}
              rows={6}
              spellCheck={false}
              required
              value={certificate}
              onChange={({ target }) => setCertificate(target.value)}
            />
          )}
        </Field>
        <Wrong problem={write.problem} shown={["certificate"]} />
        <div className="actions">
          <Act needs="admin" running={write.running}>
            Pin
          </Act>
        </div>
      </form>
    </details>
  );
}

function Revocation({
  path,
  certificate,
  onClose,
}: {
  path: string;
  certificate: Certificate;
  onClose: () => void;
}) {
  const write = useWrite(
    () => ask(own(`${path}/${certificate.sha256}`), { method: "DELETE" }),
    () => "The certificate is revoked.",
  );
  return (
    <Confirm title="Revoke the certificate?" action="Revoke" write={write} onClose={onClose}>
      {certificate.subject} is refused from now on, and a connection that came in with it is closed.
      This cannot be undone.
    </Confirm>
  );
}
