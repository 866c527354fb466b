/** One connector: how it is, and what can be done about it. */

import { useState } from "react";
import { Steps } from "../links/Steps";
import type { Step } from "../links/types";
import { ask } from "../lib/client";
import { ago, bytes, moment, number } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useAt } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { ConnectorForm } from "./ConnectorForm";
import { type Connector, type ConnectorStatus, KINDS } from "./types";
import { lag } from "./words";

const EVERY_S = 5;

export function ConnectorCard({ of, path }: { of: Connector; path: string }) {
  const status = useAt<{ status: ConnectorStatus }>(`${path}/${of.id}/status`, EVERY_S);
  return (
    <section className="card connector" aria-label={of.name}>
      <div className="head">
        <h2>{of.name}</h2>
        {status.data && <State of={status.data.status.state} />}
      </div>
      <p className="quiet">
        {KINDS[of.type]}: <code>{where(of)}</code>
      </p>
      <Shown of={status} what="The state of the connector">
        {(data) => <How status={data.status} />}
      </Shown>
      <Deeds of={of} path={path} />
    </section>
  );
}

function where({ configuration }: Connector): string {
  const { bucket, storage_account, container, region, prefix } = configuration;
  const parts = [storage_account, bucket ?? container, prefix].filter(Boolean).join("/");
  return region ? `${parts} (${String(region)})` : parts;
}

function How({ status }: { status: ConnectorStatus }) {
  return (
    <>
      {status.last_error && (
        <div className={status.state === "error" ? "trouble bad" : "trouble"} role="alert">
          <p>{status.last_error}</p>
          <p className="quiet">
            {ago(status.last_error_at)}. It is tried again by itself; nothing is lost meanwhile.
          </p>
        </div>
      )}
      <dl>
        <dt>Lag</dt>
        <dd>{lag(status)}</dd>
        <dt>Written</dt>
        <dd>
          {number(status.objects_written)} objects, {number(status.records_written)} records,{" "}
          {bytes(status.bytes_written)}
        </dd>
        <dt>Last object</dt>
        <dd>{status.last_delivered_at ? moment(status.last_delivered_at) : "none yet"}</dd>
      </dl>
    </>
  );
}

interface Tested {
  ok: boolean;
  message: string;
  steps: Step[];
}

function Deeds({ of, path }: { of: Connector; path: string }) {
  const [doing, setDoing] = useState<"change" | "delete" | null>(null);
  const own = `${path}/${of.id}`;
  const test = useWrite(() => ask<Tested>(`${own}/test`, { method: "POST" }));
  const turn = useWrite(
    () => ask(own, { method: "PUT", body: { enabled: !of.enabled } }),
    () => `${of.name} is ${of.enabled ? "disabled" : "enabled"}.`,
  );
  const remove = useWrite(
    () => ask(own, { method: "DELETE" }),
    () => `${of.name} is deleted.`,
  );
  return (
    <>
      <div className="actions start">
        <Act needs="operate" running={test.running} onClick={() => void test.run()}>
          Test
        </Act>
        <Act needs="operate" onClick={() => setDoing("change")}>
          Change
        </Act>
        <Act needs="operate" running={turn.running} onClick={() => void turn.run()}>
          {of.enabled ? "Disable" : "Enable"}
        </Act>
        <Act needs="operate" kind="bad" onClick={() => setDoing("delete")}>
          Delete
        </Act>
      </div>
      <Wrong problem={test.problem ?? turn.problem} />
      {test.told && (
        <div role="status" className="tested">
          <p>{test.told.message}</p>
          <Steps steps={test.told.steps} label="Steps of the test" />
        </div>
      )}
      {doing === "change" && <ConnectorForm path={path} of={of} onClose={() => setDoing(null)} />}
      {doing === "delete" && (
        <Confirm
          title={`Delete ${of.name}?`}
          action="Delete"
          write={remove}
          onClose={() => setDoing(null)}
        >
          <p>It ends at once and forgets its credentials. Its objects stay where they are.</p>
        </Confirm>
      )}
    </>
  );
}
