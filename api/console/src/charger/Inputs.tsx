/** The inputs of an operation's form, by what is said of its fields. */

import type { Problem } from "../lib/client";
import { fieldError } from "../lib/fields";
import { Field, type Given, Tick } from "../parts/Field";
import type { FieldOf, Values } from "./operations";

interface Inputs {
  fields: readonly FieldOf[];
  values: Values;
  problem: Problem | null;
  change: (name: string, value: string) => void;
}

export function Inputs({ fields, ...rest }: Inputs) {
  const first = fields.filter(({ more }) => !more);
  const folded = fields.filter(({ more }) => more);
  const wrong = folded.some((field) => errorOf(rest.problem, field) !== null);
  return (
    <>
      <div className="fields">
        {first.map((field) => (
          <Input key={field.name} field={field} {...rest} />
        ))}
      </div>
      {folded.length > 0 && (
        <details {...(wrong ? { open: true } : {})}>
          <summary>Options</summary>
          <div className="fields">
            {folded.map((field) => (
              <Input key={field.name} field={field} {...rest} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}

function errorOf(problem: Problem | null, { name, paths = [name] }: FieldOf): string | null {
  return fieldError(problem, ...paths);
}

/** Return the server's names of all fields that are shown. */
export function namesOf(fields: readonly FieldOf[]): string[] {
  return fields.flatMap(({ name, paths }) => paths ?? [name]);
}

function Input({ field, values, problem, change }: Omit<Inputs, "fields"> & { field: FieldOf }) {
  const { name, label, hint, kind = "text" } = field;
  const value = values[name] ?? "";
  if (kind === "tick") {
    return (
      <Tick label={label} hint={hint}>
        {(given) => (
          <input
            type="checkbox"
            {...given}
            checked={value === "yes"}
            onChange={(event) => change(name, event.target.checked ? "yes" : "")}
          />
        )}
      </Tick>
    );
  }
  return (
    <Field label={label} hint={hint} error={errorOf(problem, field)}>
      {(given) => (
        <Asked field={field} given={given} value={value} change={(next) => change(name, next)} />
      )}
    </Field>
  );
}

const TYPES = {
  text: "text",
  number: "number",
  moment: "datetime-local",
  secret: "password",
} as const;

function Asked({
  field: { name, kind = "text", options = [], required, min, max },
  given,
  value,
  change,
}: {
  field: FieldOf;
  given: Given;
  value: string;
  change: (value: string) => void;
}) {
  const all = {
    ...given,
    name,
    value,
    ...(required ? { required } : {}),
    onChange: (event: { target: { value: string } }) => change(event.target.value),
  };
  if (kind === "select") {
    return (
      <select {...all}>
        {options.map(([option, label]) => (
          <option key={option} value={option}>
            {label}
          </option>
        ))}
      </select>
    );
  }
  if (kind === "lines") return <textarea rows={4} spellCheck={false} {...all} />;
  const bounds = { min, max, ...(kind === "number" ? { step: "any" } : {}) };
  return (
    <input
      type={TYPES[kind as keyof typeof TYPES]}
      autoComplete={kind === "secret" ? "new-password" : "off"}
      {...bounds}
      {...all}
    />
  );
}
