/** The proxy configuration of a charger: which target hears of it, and whether that works. */

import { useState } from "react";
import { ask, own } from "../lib/client";
import { Steps } from "../links/Steps";
import "../pages/links.css";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Dialog } from "../parts/Dialog";
import { Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { State } from "../parts/State";
import { useRow } from "./data";
import { ProxyForm } from "./ProxyForm";

export interface Configuration {
  id: number;
  charge_box_id: string;
  target_platform_identifier: string;
  target_websocket_url: string;
  target_authentication_method: string;
  target_auth_basic_username: string | null;
  target_auth_client_cert_id: string | null;
  target_charge_box_id: string | null;
  target_ca_certificate: string | null;
  target_ca_certificate_domain: string | null;
  enabled: boolean;
  mode: string;
  role: string;
}

export function Proxy({ id }: { id: string }) {
  const [creating, setCreating] = useState(false);
  const row = useRow(id);
  return (
    <section className="card" aria-labelledby="proxy-head">
      <h2 id="proxy-head">Target</h2>
      <Shown of={row} what="the target">
        {({ chargers: [told] }) =>
          told?.target ? (
            <Configured
              configurationId={told.target.proxy_configuration_id}
              state={told.target.state}
              reason={told.target.reason}
            />
          ) : (
            <>
              <p>No target hears of this charger: Ringmain serves it alone.</p>
              <div className="actions start">
                <Act needs="operate" onClick={() => setCreating(true)}>
                  Proxy it to a target
                </Act>
              </div>
            </>
          )
        }
      </Shown>
      {creating && (
        <Dialog title={`Proxy ${id} to a target`} wide onClose={() => setCreating(false)}>
          <ProxyForm id={id} configuration={null} onDone={() => setCreating(false)} />
        </Dialog>
      )}
    </section>
  );
}

function pathOf(configurationId: number, rest = ""): string {
  return `/proxy_configurations/${configurationId}${rest}`;
}

function Configured({
  configurationId,
  state,
  reason,
}: {
  configurationId: number;
  state: string;
  reason: string | null;
}) {
  const found = useOwn<{ proxy_configuration: Configuration }>(pathOf(configurationId), 10);
  return (
    <Shown of={found} what="the proxy configuration">
      {({ proxy_configuration: one }) => (
        <>
          <dl>
            <dt>Target</dt>
            <dd>
              {one.target_platform_identifier} <State of={state} />
            </dd>
            {reason && (
              <>
                <dt>Why</dt>
                <dd>{reason}</dd>
              </>
            )}
            <dt>Address</dt>
            <dd>
              <code>{one.target_websocket_url}</code>
            </dd>
            <dt>It logs in with</dt>
            <dd>{LOGINS[one.target_authentication_method]}</dd>
            <dt>Mode, role</dt>
            <dd>
              {one.mode}, {one.role}
            </dd>
          </dl>
          <Writes configuration={one} />
          <Test configurationId={one.id} />
        </>
      )}
    </Shown>
  );
}

const LOGINS: Record<string, string> = {
  None: "nothing",
  Basic: "a user name and a password",
  ClientCertificate: "a client certificate",
};

function Writes({ configuration }: { configuration: Configuration }) {
  const [open, setOpen] = useState<"change" | "delete" | null>(null);
  const { id, enabled, charge_box_id } = configuration;
  const toggle = useWrite(
    () => ask(own(pathOf(id)), { method: "PATCH", body: { enabled: !enabled } }),
    () => (enabled ? "The target is disabled." : "The target is enabled."),
  );
  const deletion = useWrite(
    () => ask(own(pathOf(id)), { method: "DELETE" }),
    () => "The proxy configuration is deleted.",
  );
  return (
    <>
      <div className="actions start">
        <Act needs="operate" onClick={() => setOpen("change")}>
          Change
        </Act>
        <Act needs="operate" running={toggle.running} onClick={() => void toggle.run()}>
          {enabled ? "Disable" : "Enable"}
        </Act>
        <Act kind="bad" needs="operate" onClick={() => setOpen("delete")}>
          Delete target
        </Act>
      </div>
      <Wrong problem={toggle.problem} />
      {open === "change" && (
        <Dialog title="Change the target" wide onClose={() => setOpen(null)}>
          <ProxyForm
            id={charge_box_id}
            configuration={configuration}
            onDone={() => setOpen(null)}
          />
        </Dialog>
      )}
      {open === "delete" && (
        <Confirm
          title="Delete the target?"
          action="Delete"
          write={deletion}
          onClose={() => setOpen(null)}
        >
          {configuration.target_platform_identifier} hears nothing of {charge_box_id} any more, and
          what waits for it is dropped. Ringmain serves the charger alone.
        </Confirm>
      )}
    </>
  );
}

interface Step {
  step: string;
  ok: boolean;
  detail: string;
}

function Test({ configurationId }: { configurationId: number }) {
  const write = useWrite(() =>
    ask<{ steps: Step[] }>(own(pathOf(configurationId, "/test")), { method: "POST", body: {} }),
  );
  return (
    <>
      <div className="actions start">
        <Act needs="operate" running={write.running} onClick={() => void write.run()}>
          Test the target
        </Act>
      </div>
      <Wrong problem={write.problem} />
      {write.told && (
        <div role="status">
          <Steps steps={write.told.steps} label="Steps of the test" />
        </div>
      )}
    </>
  );
}
