/** One link: how it is and why, what waits for the target, and what can be done about it. */

import { useState } from "react";
import { ask, own } from "../lib/client";
import { duration, moment, number } from "../lib/format";
import { chargerPath } from "../lib/place";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Dialog } from "../parts/Dialog";
import { Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { advice } from "./advice";
import { QueueOf } from "./QueueOf";
import { Steps } from "./Steps";
import type { Step, TargetStatus } from "./types";

interface Configuration {
  id: number;
  charge_box_id: string;
  target_platform_identifier: string;
  target_websocket_url: string;
  target_authentication_method: string;
  enabled: boolean;
  mode: string;
  role: string;
}

const EVERY_S = 5;

export function LinkDetails({ id, onClose }: { id: string; onClose: () => void }) {
  const path = `/proxy_configurations/${encodeURIComponent(id)}`;
  const configuration = useOwn<{ proxy_configuration: Configuration }>(path, EVERY_S);
  const status = useOwn<{ status: TargetStatus }>(`${path}/status`, EVERY_S);
  const told = configuration.data?.proxy_configuration;
  const title = told ? `${told.charge_box_id} → ${told.target_platform_identifier}` : "Proxy link";
  return (
    <Dialog title={title} onClose={onClose} wide>
      <Shown of={status} what="The link">
        {(data) => <How status={data.status} />}
      </Shown>
      <Shown of={configuration} what="The configuration">
        {(data) => (
          <>
            <About of={data.proxy_configuration} />
            <Deeds path={path} of={data.proxy_configuration} />
          </>
        )}
      </Shown>
      <QueueOf path={path} />
    </Dialog>
  );
}

function How({ status }: { status: TargetStatus }) {
  const { state, last_error, since } = status;
  const todo = advice(state, last_error);
  return (
    <>
      <div className="head">
        <State of={state} />
        <span className="quiet">
          {since && `for ${duration((Date.now() - Date.parse(since)) / 1000)}`}
        </span>
        {status.next_dial_at && (
          <span className="quiet">next dial {moment(status.next_dial_at)}</span>
        )}
      </div>
      {state !== "ready" && last_error && <p>{last_error}</p>}
      {todo && <p className="quiet">{todo}</p>}
      <dl className="figures">
        <dt>Waiting</dt>
        <dd>{number(status.queue_length)}</dd>
        <dt>Oldest</dt>
        <dd>{status.oldest_age_seconds === null ? "–" : duration(status.oldest_age_seconds)}</dd>
        <dt>Dead letters</dt>
        <dd>{number(status.dead_letters)}</dd>
        <dt>Purged, thinned or expired</dt>
        <dd>{number(status.skipped)}</dd>
      </dl>
    </>
  );
}

function About({ of }: { of: Configuration }) {
  return (
    <dl>
      <dt>Charger</dt>
      <dd>
        <a href={`#${chargerPath(of.charge_box_id)}`}>{of.charge_box_id}</a>
      </dd>
      <dt>URL</dt>
      <dd>
        <code>{of.target_websocket_url}</code>
      </dd>
      <dt>Authentication</dt>
      <dd>{of.target_authentication_method}</dd>
      <dt>Mode and role</dt>
      <dd>
        {of.mode}, {of.role}
      </dd>
    </dl>
  );
}

function Deeds({ path, of }: { path: string; of: Configuration }) {
  const [purging, setPurging] = useState(false);
  const test = useWrite(() => ask<{ steps: Step[] }>(own(`${path}/test`), { method: "POST" }));
  const turn = useWrite(
    () => ask(own(path), { method: "PATCH", body: { enabled: !of.enabled } }),
    () => `The link of ${of.charge_box_id} is ${of.enabled ? "disabled" : "enabled"}.`,
  );
  const purge = useWrite(
    () => ask<{ purged: number }>(own(`${path}/queue`), { method: "DELETE" }),
    ({ purged }) => `${number(purged)} messages were taken out of the queue.`,
  );
  return (
    <>
      <div className="actions start">
        <Act needs="operate" running={test.running} onClick={() => void test.run()}>
          Test the target
        </Act>
        <Act needs="operate" running={turn.running} onClick={() => void turn.run()}>
          {of.enabled ? "Disable" : "Enable"}
        </Act>
        <Act needs="operate" kind="bad" onClick={() => setPurging(true)}>
          Purge the queue
        </Act>
      </div>
      <Wrong problem={test.problem ?? turn.problem} />
      {test.told && <Steps steps={test.told.steps} label="Steps of the test" />}
      {purging && (
        <Confirm
          title={`Purge the queue of ${of.charge_box_id}?`}
          action="Purge"
          write={purge}
          onClose={() => setPurging(false)}
        >
          <p>
            {of.target_platform_identifier} will never get what waits for it, nor the dead letters.
            The message log keeps all of it.
          </p>
        </Confirm>
      )}
    </>
  );
}
