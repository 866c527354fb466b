/** How chargers are linked to their operator's own server. */

import { useState } from "react";
import { fieldError } from "../lib/fields";
import type { Write } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Field, Tick, Wrong } from "../parts/Field";
import { answersFrom, type DetailsAnswers, detailsOf, needsAuthority } from "./details";
import type { Details } from "./types";

interface FormProps {
  latest: Details | null;
  write: Write<Record<string, unknown>, { version: string }>;
  onStored: (version: string) => void;
  onCancel: () => void;
}

const ARGS = "websocketConnectionArgs";
const SHOWN = [
  "connectivityMode",
  `${ARGS}.url`,
  `${ARGS}.caCertificate`,
  `${ARGS}.caCertificateDomain`,
  "basicAuthPassword",
];

export function DetailsForm({ latest, write, onStored, onCancel }: FormProps) {
  const [answers, setAnswers] = useState(() => answersFrom(latest));
  const change = (some: Partial<DetailsAnswers>) =>
    setAnswers((before) => ({ ...before, ...some }));
  return (
    <form
      noValidate
      onSubmit={async (event) => {
        event.preventDefault();
        const told = await write.run(detailsOf(answers));
        if (told) onStored(told.version);
      }}
    >
      <Field label="Connectivity" error={fieldError(write.problem, "connectivityMode")}>
        {(given) => (
          <select
            {...given}
            value={answers.connectivityMode}
            onChange={({ target }) =>
              change({ connectivityMode: target.value as Details["connectivityMode"] })
            }
          >
            <option value="DualProtocol">
              DualProtocol: linked to the operator's server, besides Ringmain
            </option>
            <option value="OcppOff">OcppOff: not linked to it</option>
          </select>
        )}
      </Field>
      {answers.connectivityMode === "DualProtocol" && (
        <Server answers={answers} change={change} problem={write.problem} />
      )}
      <Tick
        label="Apply to new chargers"
        hint="Who is enrolled or boots for the first time gets it by itself, as long as it is the latest."
      >
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={answers.applyToNewDevices}
            onChange={({ target }) => change({ applyToNewDevices: target.checked })}
          />
        )}
      </Tick>
      <Wrong problem={write.problem} shown={SHOWN} />
      <div className="actions">
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <Act kind="main" needs="operate" running={write.running}>
          Store
        </Act>
      </div>
    </form>
  );
}

interface ServerProps {
  answers: DetailsAnswers;
  change: (some: Partial<DetailsAnswers>) => void;
  problem: FormProps["write"]["problem"];
}

function Server({ answers, change, problem }: ServerProps) {
  return (
    <>
      <Field
        label="URL"
        hint="wss://…; each charger's id is put behind its path."
        error={fieldError(problem, `${ARGS}.url`, ARGS)}
      >
        {(given) => (
          <input
            {...given}
            spellCheck={false}
            value={answers.url}
            onChange={({ target }) => change({ url: target.value })}
          />
        )}
      </Field>
      {needsAuthority(answers) && (
        <>
          <Field
            label="Authority (PEM)"
            hint="The certificate of the authority that the server's has to come from, and no other."
            error={fieldError(problem, `${ARGS}.caCertificate`)}
          >
            {(given) => (
              <textarea
                {...given}
                rows={4}
                spellCheck={false}
                value={answers.caCertificate}
                onChange={({ target }) => change({ caCertificate: target.value })}
              />
            )}
          </Field>
          <Field
            label="Name in the server's certificate"
            error={fieldError(problem, `${ARGS}.caCertificateDomain`)}
          >
            {(given) => (
              <input
                {...given}
                spellCheck={false}
                value={answers.caCertificateDomain}
                onChange={({ target }) => change({ caCertificateDomain: target.value })}
              />
            )}
          </Field>
        </>
      )}
      <Field
        label="Password (optional)"
        hint="For HTTP Basic, where the user is the charger's id there. Left empty, none is sent."
        error={fieldError(problem, "basicAuthPassword")}
      >
        {(given) => (
          <input
            {...given}
            type="password"
            autoComplete="off"
            value={answers.basicAuthPassword}
            onChange={({ target }) => change({ basicAuthPassword: target.value })}
          />
        )}
      </Field>
    </>
  );
}
