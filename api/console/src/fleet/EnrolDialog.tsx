/** Enrol a charger, with a target or without; its password is told only once. */

import { useState } from "react";
import { ask, own } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Secret } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { Tick, Wrong } from "../parts/Field";
import { type Answers, ChargerFields, TargetFields } from "./EnrolFields";
import { bodyOf, FIELDS, STARTING } from "./enrolment";

interface Enrolled {
  charger: {
    charge_box_id: string;
    ocpp_url?: string;
    ocpp_proxy_url?: string;
    ocpp_password: string;
  };
}

export function EnrolDialog({
  sites,
  onClose,
}: {
  sites: ReadonlyMap<string, string>;
  onClose: () => void;
}) {
  const [answers, setAnswers] = useState<Answers>(STARTING);
  const write = useWrite((given: Answers) =>
    ask<Enrolled>(own(given.proxied ? "/chargers/enroll-with-proxy" : "/chargers"), {
      method: "POST",
      body: bodyOf(given),
    }),
  );
  if (write.told) return <Once charger={write.told.charger} onClose={onClose} />;
  const change = (some: Partial<Answers>) => setAnswers((before) => ({ ...before, ...some }));
  return (
    <Dialog title="Enrol a charger" onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void write.run(answers);
        }}
      >
        <ChargerFields answers={answers} change={change} problem={write.problem} sites={sites} />
        <Tick label="Connect it to a target" hint="A third-party platform, now or later.">
          {(given) => (
            <input
              {...given}
              type="checkbox"
              checked={answers.proxied}
              onChange={(event) => change({ proxied: event.target.checked })}
            />
          )}
        </Tick>
        {answers.proxied && (
          <TargetFields answers={answers} change={change} problem={write.problem} />
        )}
        <Wrong problem={write.problem} shown={[...FIELDS]} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <Act kind="main" needs="operate" running={write.running}>
            Enrol
          </Act>
        </div>
      </form>
    </Dialog>
  );
}

function Once({ charger, onClose }: { charger: Enrolled["charger"]; onClose: () => void }) {
  const url = charger.ocpp_url ?? charger.ocpp_proxy_url ?? "";
  return (
    <Dialog title={`${charger.charge_box_id} is enrolled`} kept onClose={onClose}>
      <p>
        Set these in the charger. <strong>The password is shown only now</strong>: it cannot be read
        again, only changed.
      </p>
      <Secret label="URL" text={url} />
      <Secret label="User" text={charger.charge_box_id} />
      <Secret label="Password" text={charger.ocpp_password} />
      <div className="actions">
        <button type="button" className="main" onClick={onClose}>
          I have noted them
        </button>
      </div>
    </Dialog>
  );
}
