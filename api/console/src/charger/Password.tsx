/** A new password for the charger: told by OCPP, or shown once to whoever types it in there. */

import { useState } from "react";
import { ask, own } from "../lib/client";
import { moment } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Secret } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { NoAnswer } from "./Answer";
import { ofCharger } from "./data";

interface Rotated {
  message: string;
  state: string;
  expires_at: string | null;
  ocpp_password: string | null;
}

interface Rotation {
  rotation_id: string;
  state: string;
  requested_at: string;
  expires_at: string | null;
}

const ABOUT = {
  ocpp: "A new password is made and told to the charger alone; nobody sees it.",
  hand: "A new password is shown here once. It counts beside the old one for 24 hours, until the charger comes in with it.",
} as const;

const STATES: Record<string, string> = {
  asked: "the charger was told it and did not answer",
  at_restart: "the charger takes it at its next restart",
  by_hand: "somebody is to type it in at the charger",
};

export function Password({ id }: { id: string }) {
  const [asking, setAsking] = useState<"ocpp" | "hand" | null>(null);
  const [noted, setNoted] = useState<Rotated | null>(null);
  const path = ofCharger(id, "/rotate-password");
  const open = useOwn<{ rotations: Rotation[] }>(path, 10).data?.rotations ?? [];
  const write = useWrite((by: "ocpp" | "hand") =>
    ask<Rotated>(own(path), { method: "POST", body: { by } }),
  );
  const cancel = useWrite(
    () => ask<{ message: string }>(own(path), { method: "DELETE" }),
    ({ message }) => message,
  );
  const go = async () => {
    const by = asking;
    setAsking(null);
    if (by) await write.run(by);
    return undefined;
  };
  return (
    <section className="card" aria-labelledby="password-head">
      <h2 id="password-head">Password</h2>
      <div className="actions start">
        <Act needs="admin" running={write.running} onClick={() => setAsking("ocpp")}>
          Change it by OCPP
        </Act>
        <Act needs="admin" running={write.running} onClick={() => setAsking("hand")}>
          Change it by hand
        </Act>
      </div>
      <NoAnswer problem={write.problem} />
      {write.told && <p role="status">{write.told.message}</p>}
      {write.told?.ocpp_password && write.told !== noted && (
        <Once id={id} of={write.told} onClose={() => setNoted(write.told ?? null)} />
      )}
      {open.map(({ rotation_id, state, requested_at, expires_at }) => (
        <p key={rotation_id}>
          A password of {moment(requested_at)} is open: {STATES[state] ?? state}
          {expires_at && `, until ${moment(expires_at)}`}.
        </p>
      ))}
      {open.some(({ state }) => state === "by_hand") && (
        <div className="actions start">
          <Act needs="admin" running={cancel.running} onClick={() => void cancel.run()}>
            Cancel the one by hand
          </Act>
        </div>
      )}
      {asking && (
        <Confirm
          title="Change the password?"
          action="Change password"
          write={{ ...write, problem: null, told: undefined, run: go }}
          onClose={() => setAsking(null)}
        >
          {ABOUT[asking]}
        </Confirm>
      )}
    </section>
  );
}

function Once({ id, of, onClose }: { id: string; of: Rotated; onClose: () => void }) {
  return (
    <Dialog title={`The new password of ${id}`} kept onClose={onClose}>
      <p>
        <strong>It is shown only now</strong>, and counts until {moment(of.expires_at)}.
      </p>
      <Secret label="Password" text={of.ocpp_password ?? ""} />
      <div className="actions">
        <button type="button" className="main" onClick={onClose}>
          I have noted it
        </button>
      </div>
    </Dialog>
  );
}
