/** Choose what a key or a member may do. */

import { fieldError } from "../lib/fields";
import type { Problem } from "../lib/client";
import type { Scope } from "../lib/may";
import { Field } from "../parts/Field";
import { SCOPES } from "./types";

interface ScopeFieldProps {
  label: string;
  /** What the body calls it. */
  name: string;
  value: Scope;
  onChange: (scope: Scope) => void;
  problem: Problem | null;
}

export function ScopeField({ label, name, value, onChange, problem }: ScopeFieldProps) {
  return (
    <Field label={label} error={fieldError(problem, name)}>
      {(given) => (
        <select {...given} value={value} onChange={({ target }) => onChange(target.value as Scope)}>
          {SCOPES.map(([scope, words]) => (
            <option key={scope} value={scope}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
