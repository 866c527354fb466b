/** Make a key: what it is for, what it may do, how long. It is shown this once. */

import { type FormEvent, useState } from "react";
import { ask, own } from "../lib/client";
import { fieldError } from "../lib/fields";
import type { Scope } from "../lib/may";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Secret } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { Field, Wrong } from "../parts/Field";
import { ScopeField } from "./ScopeField";
import type { NewKey } from "./types";

export function NewKeyForm({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("read");
  const [expires, setExpires] = useState("");
  const write = useWrite(() =>
    ask<{ api_key: NewKey }>(own("/api_keys"), {
      method: "POST",
      body: {
        scope,
        name: name.trim() || null,
        expires_at: expires ? new Date(expires).toISOString() : null,
      },
    }),
  );
  const made = write.told?.api_key;
  if (made) return <Made of={made} onClose={onClose} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void write.run();
  };
  return (
    <Dialog title="New API key" onClose={onClose}>
      <form onSubmit={submit}>
        <Field
          label="Name"
          hint="What it is for, in your words."
          error={fieldError(write.problem, "name")}
        >
          {(given) => (
            <input {...given} value={name} onChange={({ target }) => setName(target.value)} />
          )}
        </Field>
        <ScopeField
          label="Scope"
          name="scope"
          value={scope}
          onChange={setScope}
          problem={write.problem}
        />
        <Field label="Expires" hint="Empty: never." error={fieldError(write.problem, "expires_at")}>
          {(given) => (
            <input
              {...given}
              type="datetime-local"
              value={expires}
              onChange={({ target }) => setExpires(target.value)}
            />
          )}
        </Field>
        <Wrong problem={write.problem} shown={["name", "scope", "expires_at"]} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <Act kind="main" needs="admin" running={write.running}>
            Create
          </Act>
        </div>
      </form>
    </Dialog>
  );
}

function Made({ of, onClose }: { of: NewKey; onClose: () => void }) {
  return (
    <Dialog title={`The key ${of.name ?? ""}`} kept onClose={onClose}>
      <p>Take it along now: it is shown this once, and nobody can read it again.</p>
      <Secret label="Key" text={of.api_key} />
      <div className="actions">
        <button type="button" className="main" onClick={onClose}>
          I have noted it
        </button>
      </div>
    </Dialog>
  );
}
