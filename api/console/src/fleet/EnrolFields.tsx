/** The fields of enrolling a charger. */

import { own, type Problem } from "../lib/client";
import { fieldError } from "../lib/fields";
import { useAll } from "../lib/whole";
import { Field, type Given } from "../parts/Field";

export interface Answers {
  charge_box_id: string;
  charger_name: string;
  site_id: string;
  security_profile: string;
  proxied: boolean;
  target_platform_identifier: string;
  target_websocket_url: string;
  target_authentication_method: string;
  target_auth_basic_username: string;
  target_auth_basic_password: string;
  target_auth_client_cert_id: string;
  target_charge_box_id: string;
  mode: string;
  role: string;
}

interface FieldsProps {
  answers: Answers;
  change: (some: Partial<Answers>) => void;
  problem: Problem | null;
}

type Name = Exclude<keyof Answers, "proxied">;

/** Return what binds an input to one of the answers. */
function bound({ answers, change }: FieldsProps, name: Name) {
  return {
    value: answers[name],
    onChange: (event: { target: { value: string } }) => change({ [name]: event.target.value }),
  };
}

function Text(props: FieldsProps & { name: Name; label: string; hint?: string; type?: string }) {
  const { name, label, hint, type = "text", problem } = props;
  return (
    <Field label={label} hint={hint} error={fieldError(problem, name)}>
      {(given) => (
        <input
          {...given}
          type={type}
          autoComplete="off"
          spellCheck={false}
          {...bound(props, name)}
        />
      )}
    </Field>
  );
}

function Choice(
  props: FieldsProps & {
    name: Name;
    label: string;
    hint?: string;
    options: readonly (readonly [string, string])[];
  },
) {
  const { name, label, hint, options, problem } = props;
  return (
    <Field label={label} hint={hint} error={fieldError(problem, name)}>
      {(given: Given) => (
        <select {...given} {...bound(props, name)}>
          {options.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

const PROFILES = [
  ["", "default of the server"],
  ["1", "1: password"],
  ["2", "2: password, over TLS"],
  ["3", "3: client certificate, over TLS"],
] as const;

export function ChargerFields({
  sites,
  ...fields
}: FieldsProps & { sites: ReadonlyMap<string, string> }) {
  return (
    <>
      <Text
        {...fields}
        name="charge_box_id"
        label="Charger id"
        hint="As the charger calls itself."
      />
      <div className="fields">
        <Text {...fields} name="charger_name" label="Name (optional)" />
        <Choice
          {...fields}
          name="site_id"
          label="Site"
          options={[["", "no site"], ...sites.entries()]}
        />
        <Choice {...fields} name="security_profile" label="Security profile" options={PROFILES} />
      </div>
    </>
  );
}

const METHODS = [
  ["None", "none"],
  ["Basic", "user and password"],
  ["ClientCertificate", "client certificate"],
] as const;
const MODES = [
  ["hybrid", "hybrid: Ringmain answers, the target hears of it"],
  ["strict", "strict: the target answers everything"],
] as const;
const ROLES = [
  ["control", "control: it may command the charger"],
  ["observe", "observe: it only reads"],
] as const;

export function TargetFields(fields: FieldsProps) {
  const method = fields.answers.target_authentication_method;
  return (
    <>
      <Text {...fields} name="target_platform_identifier" label="Name of the target" />
      <Text
        {...fields}
        name="target_websocket_url"
        label="URL of the target"
        hint="wss://…; {charge_box_id} and {target_charge_box_id} are filled in, nothing is put behind it."
      />
      <div className="fields">
        <Text
          {...fields}
          name="target_charge_box_id"
          label="Charger id there (optional)"
          hint="The same, unless it is said here."
        />
        <Choice
          {...fields}
          name="target_authentication_method"
          label="Authentication"
          options={METHODS}
        />
      </div>
      {method === "Basic" && (
        <div className="fields">
          <Text {...fields} name="target_auth_basic_username" label="User (optional)" />
          <Text {...fields} name="target_auth_basic_password" label="Password" type="password" />
        </div>
      )}
      {method === "ClientCertificate" && <Certificate {...fields} />}
      <Choice {...fields} name="mode" label="Mode" options={MODES} />
      <Choice {...fields} name="role" label="Role" options={ROLES} />
    </>
  );
}

interface Certificates {
  client_certificates: { id: string; name?: string | null; subject?: string | null }[];
}

function Certificate(fields: FieldsProps) {
  const { data } = useAll<Certificates>(own("/client_certificates"), "client_certificates");
  const found = data?.client_certificates ?? [];
  return (
    <Choice
      {...fields}
      name="target_auth_client_cert_id"
      label="Client certificate"
      options={[["", "choose one"], ...found.map(named)]}
    />
  );
}

function named(one: Certificates["client_certificates"][number]): readonly [string, string] {
  return [one.id, one.name ?? one.subject ?? one.id];
}
