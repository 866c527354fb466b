/** The end of a charger, which is asked for by typing its id. */

import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { ask, own } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Dialog } from "../parts/Dialog";
import { Field, Wrong } from "../parts/Field";
import { ofCharger } from "./data";

export function Deletion({ id }: { id: string }) {
  const [asking, setAsking] = useState(false);
  return (
    <section className="card" aria-labelledby="end-head">
      <h2 id="end-head">Delete</h2>
      <p>Its password dies, its connection is closed and what is kept of it goes.</p>
      <div className="actions start">
        <Act kind="bad" needs="operate" onClick={() => setAsking(true)}>
          Delete charger
        </Act>
      </div>
      {asking && <Sure id={id} onClose={() => setAsking(false)} />}
    </section>
  );
}

function Sure({ id, onClose }: { id: string; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [, go] = useLocation();
  const write = useWrite(
    () => ask(own(ofCharger(id)), { method: "DELETE" }),
    () => `${id} is deleted.`,
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (typed === id && (await write.run()) !== undefined) go("/");
  };
  return (
    <Dialog title={`Delete ${id}?`} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p>This cannot be undone. To come back, the charger has to be enrolled again.</p>
        <Field label={`Type ${id} to delete it`}>
          {(given) => (
            <input
              {...given}
              autoComplete="off"
              value={typed}
              onChange={({ target }) => setTyped(target.value)}
            />
          )}
        </Field>
        <Wrong problem={write.problem} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <Act
            kind="bad"
            needs="operate"
            running={write.running}
            not={typed === id ? null : "Type the id of the charger first."}
          >
            Delete
          </Act>
        </div>
      </form>
    </Dialog>
  );
}
