/** Make a connector, or change one: what its type wants, and what it may be told. */

import { type FormEvent, useState } from "react";
import { ask } from "../lib/client";
import { fieldError } from "../lib/fields";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Dialog } from "../parts/Dialog";
import { Field, Wrong } from "../parts/Field";
import { bodyOf, draftOf, NEW } from "./draft";
import { Inputs } from "./Inputs";
import { type Connector, CREDENTIALS, type Kind, KINDS, OPTIONS, PLACES } from "./types";

export interface ConnectorFormProps {
  /** The path of all connectors. */
  path: string;
  /** What is changed; without it, one is made. */
  of?: Connector | undefined;
  onClose: () => void;
}

export function ConnectorForm({ path, of, onClose }: ConnectorFormProps) {
  const [draft, setDraft] = useState(() => (of ? draftOf(of) : NEW));
  const write = useWrite(
    () =>
      ask(of ? `${path}/${of.id}` : path, {
        method: of ? "PUT" : "POST",
        body: bodyOf(draft, of !== undefined),
      }),
    () => `${draft.name} is ${of ? "changed" : "created"}.`,
  );
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if ((await write.run()) !== undefined) onClose();
  };
  const inputs = {
    given: draft.given,
    problem: write.problem,
    change: (name: string, value: string) =>
      setDraft((before) => ({ ...before, given: { ...before.given, [name]: value } })),
  };
  const { type } = draft;
  const wanted = [...PLACES[type], ...OPTIONS].map(({ name }) => `configuration.${name}`);
  const secret = CREDENTIALS[type].map(({ name }) => `credentials.${name}`);
  return (
    <Dialog title={of ? `Change ${of.name}` : "New data connector"} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <div className="fields">
          <Field
            label="Name"
            hint="Lowercase letters, numbers and dashes."
            error={fieldError(write.problem, "name")}
          >
            {(given) => (
              <input
                {...given}
                required
                value={draft.name}
                onChange={({ target }) => setDraft({ ...draft, name: target.value })}
              />
            )}
          </Field>
          <Field label="Type" error={fieldError(write.problem, "type")}>
            {(given) => (
              <select
                {...given}
                value={type}
                disabled={of !== undefined}
                onChange={({ target }) => setDraft({ ...draft, type: target.value as Kind })}
              >
                {Object.entries(KINDS).map(([kind, name]) => (
                  <option key={kind} value={kind}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <Inputs of={PLACES[type]} within="configuration" {...inputs} />
        <fieldset>
          <legend>Credentials</legend>
          <p className="quiet hint">
            They are stored sealed and never shown again.
            {of && " Leave them empty to keep those that there are."}
          </p>
          <Inputs of={CREDENTIALS[type]} within="credentials" optional={!!of} {...inputs} />
        </fieldset>
        <details>
          <summary>Options</summary>
          <Inputs of={OPTIONS} within="configuration" {...inputs} />
        </details>
        <Wrong problem={write.problem} shown={["name", "type", ...wanted, ...secret]} />
        <div className="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <Act kind="main" needs="operate" running={write.running}>
            {of ? "Save" : "Create"}
          </Act>
        </div>
      </form>
    </Dialog>
  );
}
