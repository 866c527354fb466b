/** What a target is reached by: created for a charger, or changed. */

import { type FormEvent, useState } from "react";
import { ask, own } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Wrong } from "../parts/Field";
import { Inputs, namesOf } from "./Inputs";
import type { FieldOf, Values } from "./operations";
import type { Configuration } from "./Proxy";

export function ProxyForm({
  id,
  configuration,
  onDone,
}: {
  id: string;
  configuration: Configuration | null;
  onDone: () => void;
}) {
  const [edits, setEdits] = useState<Values>({});
  const values: Values = { ...NEW, ...(configuration ? textsOf(configuration) : {}), ...edits };
  const fields = useFields(values, configuration !== null);
  const write = useWrite(
    () =>
      configuration
        ? ask(own(`/proxy_configurations/${configuration.id}`), {
            method: "PATCH",
            body: bodyOf(edits),
          })
        : ask(own("/proxy_configurations"), {
            method: "POST",
            body: { charge_box_id: id, ...bodyOf(values) },
          }),
    () => "The target is saved.",
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if ((await write.run()) !== undefined) onDone();
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <Inputs
        fields={fields}
        values={values}
        problem={write.problem}
        change={(name, value) => setEdits((before) => ({ ...before, [name]: value }))}
      />
      <Wrong problem={write.problem} shown={namesOf(fields)} />
      <div className="actions">
        <Act kind="main" needs="operate" running={write.running}>
          Save
        </Act>
      </div>
    </form>
  );
}

const NEW: Values = { target_authentication_method: "Basic", mode: "hybrid", role: "control" };
const TEXTS = [
  "target_platform_identifier",
  "target_websocket_url",
  "target_authentication_method",
  "target_auth_basic_username",
  "target_auth_client_cert_id",
  "target_charge_box_id",
  "target_ca_certificate",
  "target_ca_certificate_domain",
  "mode",
  "role",
] as const;

function textsOf(configuration: Configuration): Values {
  return Object.fromEntries(TEXTS.map((name) => [name, configuration[name] ?? ""]));
}

const PASSWORD = "target_auth_basic_password";

/** Return what is sent: what is empty is taken away, but for a password, which stays as it is. */
export function bodyOf(values: Values): object {
  const sent = Object.entries(values).filter(([name, value]) => name !== PASSWORD || value !== "");
  return Object.fromEntries(sent.map(([name, value]) => [name, value === "" ? null : value]));
}

function useFields(values: Values, there: boolean): readonly FieldOf[] {
  const found = useAll<{ client_certificates: { id: string; name?: string }[] }>(
    own("/client_certificates"),
    "client_certificates",
  ).data;
  const certificates = (found?.client_certificates ?? []).map(
    ({ id, name }) => [id, name ?? id] as const,
  );
  return [
    {
      name: "target_platform_identifier",
      label: "Name of the target",
      required: true,
    },
    {
      name: "target_websocket_url",
      label: "Address",
      hint: "ws:// or wss://, whole; {charge_box_id} is filled in.",
      required: true,
    },
    {
      name: "target_authentication_method",
      label: "It logs in with",
      kind: "select",
      options: [
        ["Basic", "a user name and a password"],
        ["ClientCertificate", "a client certificate"],
        ["None", "nothing"],
      ],
    },
    ...(LOGIN_FIELDS[values.target_authentication_method ?? ""]?.(certificates, there) ?? []),
    {
      name: "mode",
      label: "Mode",
      kind: "select",
      options: [
        ["hybrid", "hybrid: Ringmain answers, the target hears of it"],
        ["strict", "strict: the target answers everything live"],
      ],
    },
    {
      name: "role",
      label: "Role",
      kind: "select",
      options: [
        ["control", "control: it may send commands"],
        ["observe", "observe: it only listens"],
      ],
    },
    {
      name: "target_charge_box_id",
      label: "Its id of the charger",
      hint: "By default the same as here.",
      more: true,
    },
    {
      name: "target_ca_certificate",
      label: "Certificate authority in PEM",
      hint: "Trust this one only.",
      kind: "lines",
      more: true,
    },
    {
      name: "target_ca_certificate_domain",
      label: "Name in its certificate",
      hint: "By default the host of the address.",
      more: true,
    },
  ];
}

const LOGIN_FIELDS: Record<
  string,
  (certificates: readonly (readonly [string, string])[], there: boolean) => readonly FieldOf[]
> = {
  Basic: (_, there) => [
    { name: "target_auth_basic_username", label: "User name", hint: "By default the id there." },
    {
      name: PASSWORD,
      label: "Password",
      kind: "secret",
      ...(there ? { hint: "Empty: it stays as it is. It never comes back." } : { required: true }),
    },
  ],
  ClientCertificate: (certificates) => [
    {
      name: "target_auth_client_cert_id",
      label: "Client certificate",
      kind: "select",
      options: [["", "choose one"], ...certificates],
    },
  ],
};
