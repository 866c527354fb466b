/** What one looks for in the log; it stands in the address, so that a view can be shared. */

import { useMemo } from "react";
import { Typed } from "../lib/Typed";
import { Field, Tick } from "../parts/Field";
import { ACTIONS } from "./actions";
import { type Filters, NONE } from "./filters";
import type { Exchange } from "./pairing";

export interface FilterBarProps {
  filters: Filters;
  change: (some: Partial<Filters>) => void;
}

export function FilterBar({ filters, change }: FilterBarProps) {
  const words = (name: keyof Filters, more: Record<string, string> = {}) => ({
    ...more,
    value: filters[name],
    onType: (value: string) => change({ [name]: value.trim() }),
  });
  return (
    <search aria-label="Filters" className="filters">
      <Field label="Charger">
        {(given) => <Typed {...given} {...words("charge_box_id", { list: CHARGERS })} />}
      </Field>
      <Field label="Action">
        {(given) => <Typed {...given} {...words("action", { list: SEEN_ACTIONS })} />}
      </Field>
      <Field label="Begun by">
        {(given) => (
          <select
            {...given}
            value={filters.by}
            onChange={({ target }) => change({ by: target.value as Filters["by"] })}
          >
            <option value="">anybody</option>
            <option value="charger">the charger</option>
            <option value="ringmain">Ringmain</option>
            <option value="target">the target</option>
          </select>
        )}
      </Field>
      <Field label="Text in it">
        {(given) => <Typed {...given} {...words("text", { type: "search" })} />}
      </Field>
      <Field label="Message id">{(given) => <Typed {...given} {...words("message_id")} />}</Field>
      <Field label="From">{(given) => <Typed {...given} {...words("since", MOMENT)} />}</Field>
      <Field label="Until">{(given) => <Typed {...given} {...words("until", MOMENT)} />}</Field>
      <Tick label="Only errors">
        {(given) => (
          <input
            {...given}
            type="checkbox"
            checked={filters.errors === "yes"}
            onChange={({ target }) => change({ errors: target.checked ? "yes" : "" })}
          />
        )}
      </Tick>
      <button type="button" onClick={() => change(NONE)}>
        Show all
      </button>
    </search>
  );
}

const MOMENT = { type: "datetime-local", step: "1" };

const SEEN_ACTIONS = "seen-actions";
const CHARGERS = "seen-chargers";

/** Suggest what was seen beside the usual. */
export function Suggestions({ rows }: { rows: readonly Exchange[] }) {
  const [actions, chargers] = useMemo(() => names(rows), [rows]);
  return (
    <>
      <Options id={SEEN_ACTIONS} of={actions} />
      <Options id={CHARGERS} of={chargers} />
    </>
  );
}

const MOST_SUGGESTED = 500;

function names(rows: readonly Exchange[]): [Set<string>, Set<string>] {
  const actions = new Set(ACTIONS);
  const chargers = new Set<string>();
  for (const { call } of rows) {
    if (call.action && actions.size < MOST_SUGGESTED) actions.add(call.action);
    if (chargers.size < MOST_SUGGESTED) chargers.add(call.charge_box_id);
  }
  return [actions, chargers];
}

function Options({ id, of }: { id: string; of: ReadonlySet<string> }) {
  return (
    <datalist id={id}>
      {[...of].sort().map((one) => (
        <option key={one} value={one} />
      ))}
    </datalist>
  );
}
