/** Apply a version to a site, after a look at what it would change. */

import { useState } from "react";
import { ask } from "../lib/client";
import { fieldError } from "../lib/fields";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Field, Tick, Wrong } from "../parts/Field";
import { ForeseenResults } from "./Foreseen";
import { operator } from "./operator";
import { type Details, type Foreseen, short } from "./types";

interface ApplyProps {
  site: { site_id: string; name: string };
  version: string;
  /** The details, where they are those that were stored last. */
  known: Details | null;
  onStore: () => void;
  onClose: () => void;
}

const CANARIES = { chargers: "1", seconds: "60" };

export function ApplyForm({ site, version, known, onStore, onClose }: ApplyProps) {
  const [chosen, setChosen] = useState(version);
  const [canary, setCanary] = useState<typeof CANARIES | null>(null);
  const path = operator(`/connections/sites/${site.site_id}`);
  const body = {
    version: chosen,
    ...(canary
      ? { canary: { chargers: Number(canary.chargers), seconds: Number(canary.seconds) } }
      : {}),
  };
  const foresee = useWrite(() =>
    ask<Foreseen>(`${path}?dryRun=true`, { method: "POST", body: { version: chosen } }),
  );
  const apply = useWrite(
    () => ask<unknown>(path, { method: "POST", body }),
    () => `Version ${short(chosen)} is being applied to ${site.name}.`,
  );
  const problem = apply.problem ?? foresee.problem;
  return (
    <form
      noValidate
      onSubmit={async (event) => {
        event.preventDefault();
        if (await apply.run()) onClose();
      }}
    >
      <Field
        label="Version"
        hint={known && chosen === version ? describe(known) : undefined}
        error={fieldError(problem, "version")}
      >
        {(given) => (
          <input
            {...given}
            spellCheck={false}
            value={chosen}
            onChange={({ target }) => {
              setChosen(target.value.trim());
              foresee.clear();
            }}
          />
        )}
      </Field>
      <div>
        <button type="button" className="plain" onClick={onStore}>
          Store other connection details
        </button>
      </div>
      <Tick
        label="Try it with a few chargers first"
        hint="The others follow only if these are linked in time, and stay so."
      >
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={canary !== null}
            onChange={({ target }) => setCanary(target.checked ? CANARIES : null)}
          />
        )}
      </Tick>
      {canary && (
        <div className="fields">
          <Amount
            label="Chargers"
            value={canary.chargers}
            error={fieldError(problem, "canary.chargers")}
            change={(chargers) => setCanary({ ...canary, chargers })}
          />
          <Amount
            label="Seconds to be linked"
            value={canary.seconds}
            error={fieldError(problem, "canary.seconds")}
            change={(seconds) => setCanary({ ...canary, seconds })}
          />
        </div>
      )}
      {foresee.told && <ForeseenResults of={foresee.told} />}
      <Wrong problem={problem} shown={["version", "canary.chargers", "canary.seconds"]} />
      <div className="actions">
        <Act needs="operate" running={foresee.running} onClick={() => void foresee.run()}>
          What would change?
        </Act>
        <Act kind="main" needs="operate" running={apply.running}>
          Apply to the site
        </Act>
      </div>
    </form>
  );
}

function describe({ connectivityMode, websocketConnectionArgs }: Details): string {
  const where = websocketConnectionArgs?.url ?? "";
  return `Stored last: ${connectivityMode} ${where}`;
}

interface AmountProps {
  label: string;
  value: string;
  error: string | null;
  change: (value: string) => void;
}

function Amount({ label, value, error, change }: AmountProps) {
  return (
    <Field label={label} error={error}>
      {(given) => (
        <input
          {...given}
          type="number"
          min={1}
          value={value}
          onChange={({ target }) => change(target.value)}
        />
      )}
    </Field>
  );
}
