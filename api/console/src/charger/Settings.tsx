/** What is configured of a charger, its password, its end. */

import { type FormEvent, useState } from "react";
import { useSiteNames } from "../fleet/sites";
import { ask, own } from "../lib/client";
import { fieldError } from "../lib/fields";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Field, Tick, Wrong } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { Certificates } from "./Certificates";
import { ofCharger, useCharger } from "./data";
import { Deletion } from "./Deletion";
import { Password } from "./Password";
import { Proxy } from "./Proxy";
import type { Charger } from "./types";

export function Settings({ id }: { id: string }) {
  const charger = useCharger(id);
  return (
    <Shown of={charger} what="the settings">
      {(told) => (
        <>
          <Changes key={id} charger={told.charger} />
          <Proxy id={id} />
          <Password id={id} />
          <Certificates id={id} />
          <Deletion id={id} />
        </>
      )}
    </Shown>
  );
}

const VERSIONS = ["1.6", "2.0.1", "2.1"];
const NUMBERS = ["security_profile", "supply_phases", "nominal_voltage"] as const;
const SHOWN = [
  "charger_name",
  "site_id",
  "security_profile",
  "allowed_versions",
  "boot_policy",
  "supply_phases",
  "nominal_voltage",
];

type Draft = Record<string, string | string[]>;

function draftOf(charger: Charger): Draft {
  const { charger_name, site_id, security_profile, allowed_versions, boot_policy } = charger;
  return {
    charger_name,
    site_id: site_id ?? "",
    security_profile: String(security_profile),
    allowed_versions,
    boot_policy,
    supply_phases: String(charger.supply_phases ?? ""),
    nominal_voltage: String(charger.nominal_voltage ?? ""),
  };
}

/** Return what was changed, as the API takes it: what is empty is taken away. */
function changesOf(draft: Draft, before: Draft): Record<string, unknown> {
  const changed = Object.entries(draft).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]),
  );
  return Object.fromEntries(
    changed.map(([name, value]) => {
      if (value === "") return [name, null];
      return [name, (NUMBERS as readonly string[]).includes(name) ? Number(value) : value];
    }),
  );
}

function Changes({ charger }: { charger: Charger }) {
  const [edits, setEdits] = useState<Draft>({});
  const before = draftOf(charger);
  const draft = { ...before, ...edits };
  const changes = changesOf(draft, before);
  const write = useWrite(
    () => ask(own(ofCharger(charger.charge_box_id)), { method: "PATCH", body: changes }),
    () => "The settings are saved.",
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if ((await write.run()) !== undefined) setEdits({});
  };
  const set = (name: string) => (event: { target: { value: string } }) =>
    setEdits((now) => ({ ...now, [name]: event.target.value }));
  const text = (name: string) => String(draft[name] ?? "");
  const wrong = (name: string) => fieldError(write.problem, name);
  const allowed = draft.allowed_versions as string[];
  return (
    <section className="card" aria-labelledby="settings-head">
      <h2 id="settings-head">Settings</h2>
      <form onSubmit={(event) => void submit(event)}>
        <div className="fields">
          <Field label="Name" error={wrong("charger_name")}>
            {(given) => (
              <input {...given} value={text("charger_name")} onChange={set("charger_name")} />
            )}
          </Field>
          <Field label="Site" error={wrong("site_id")}>
            {(given) => (
              <select {...given} value={text("site_id")} onChange={set("site_id")}>
                <option value="">none</option>
                <SiteOptions chosen={text("site_id")} />
              </select>
            )}
          </Field>
          <Field
            label="Security profile"
            hint={next(charger) ?? "Another one ends its connection: it has to come in with that."}
            error={wrong("security_profile")}
          >
            {(given) => (
              <select
                {...given}
                value={text("security_profile")}
                onChange={set("security_profile")}
              >
                {PROFILES.map(([value, label]) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="At its boots" error={wrong("boot_policy")}>
            {(given) => (
              <select {...given} value={text("boot_policy")} onChange={set("boot_policy")}>
                <option value="accept">accept it</option>
                <option value="pending">hold it back (Pending)</option>
              </select>
            )}
          </Field>
          <Field
            label="Phases of its mains"
            hint="OCPP 1.6 cannot tell; empty: 3."
            error={wrong("supply_phases")}
          >
            {(given) => (
              <input
                {...given}
                type="number"
                min={1}
                max={3}
                value={text("supply_phases")}
                onChange={set("supply_phases")}
              />
            )}
          </Field>
          <Field
            label="Nominal voltage in V"
            hint="Between a phase and neutral; empty: 230."
            error={wrong("nominal_voltage")}
          >
            {(given) => (
              <input
                {...given}
                type="number"
                step="any"
                value={text("nominal_voltage")}
                onChange={set("nominal_voltage")}
              />
            )}
          </Field>
        </div>
        <fieldset className="ticks">
          <legend>OCPP versions that it may connect with; none ticked: any</legend>
          {VERSIONS.map((version) => (
            <Tick key={version} label={version}>
              {(given) => (
                <input
                  type="checkbox"
                  {...given}
                  checked={allowed.includes(version)}
                  onChange={({ target }) =>
                    setEdits((now) => ({
                      ...now,
                      allowed_versions: VERSIONS.filter((one) =>
                        one === version ? target.checked : allowed.includes(one),
                      ),
                    }))
                  }
                />
              )}
            </Tick>
          ))}
        </fieldset>
        <Wrong problem={write.problem} shown={SHOWN} />
        <div className="actions">
          <Act
            kind="main"
            needs="operate"
            running={write.running}
            not={Object.keys(changes).length ? null : "Nothing has been changed."}
          >
            Save
          </Act>
        </div>
      </form>
      <p>
        It connects to <code>{charger.ocpp_url}</code>
      </p>
    </section>
  );
}

const PROFILES = [
  ["0", "0: no password (admin only)"],
  ["1", "1: password"],
  ["2", "2: TLS and password"],
  ["3", "3: TLS and client certificate"],
] as const;

function next({ next_security_profile }: Charger): string | null {
  if (next_security_profile === null) return null;
  return `It was told to change to ${next_security_profile} and has not yet come in with it.`;
}

function SiteOptions({ chosen }: { chosen: string }) {
  const names = useSiteNames();
  return (
    <>
      {chosen && !names.has(chosen) && <option value={chosen}>{chosen}</option>}
      {[...names].map(([site_id, name]) => (
        <option key={site_id} value={site_id}>
          {name}
        </option>
      ))}
    </>
  );
}
