/** The inputs of a group of a connector's fields. */

import type { Problem } from "../lib/client";
import { fieldError } from "../lib/fields";
import { Field, type Given, Tick } from "../parts/Field";
import type { Wanted } from "./types";

export interface InputsProps {
  of: readonly Wanted[];
  /** The part of the body that they are in. */
  within: "configuration" | "credentials";
  given: Readonly<Record<string, string>>;
  problem: Problem | null;
  change: (name: string, value: string) => void;
  /** None has to be given, whatever is wanted. */
  optional?: boolean;
}

export function Inputs({ of, within, given, problem, change, optional = false }: InputsProps) {
  return (
    <div className="fields">
      {of.map((wanted) => {
        const { name, label, hint } = wanted;
        const value = given[name] ?? "";
        const tell = (text: string) => change(name, text);
        if (wanted.input === "tick")
          return <Ticked key={name} label={label} {...{ value, tell }} />;
        return (
          <Field
            key={name}
            label={label}
            hint={hint}
            error={fieldError(problem, `${within}.${name}`)}
          >
            {(about) => input(wanted, about, value, tell, optional)}
          </Field>
        );
      })}
    </div>
  );
}

type Tell = (text: string) => void;

function Ticked({ label, value, tell }: { label: string; value: string; tell: Tell }) {
  return (
    <Tick label={label}>
      {(about) => (
        <input
          {...about}
          type="checkbox"
          checked={value !== ""}
          onChange={({ target }) => tell(target.checked ? "yes" : "")}
        />
      )}
    </Tick>
  );
}

function input(wanted: Wanted, about: Given, value: string, tell: Tell, optional: boolean) {
  const common = { ...about, value, required: wanted.required === true && !optional };
  if (wanted.input === "start") {
    return (
      <select {...about} value={value} onChange={({ target }) => tell(target.value)}>
        <option value="">what comes from now on</option>
        <option value="earliest">the oldest message that is kept</option>
      </select>
    );
  }
  if (wanted.input === "file") {
    return (
      <textarea
        {...common}
        rows={5}
        spellCheck={false}
        onChange={({ target }) => tell(target.value)}
      />
    );
  }
  return (
    <input
      {...common}
      type={wanted.input ?? "text"}
      autoComplete={wanted.input === "password" ? "new-password" : "off"}
      spellCheck={false}
      onChange={({ target }) => tell(target.value)}
    />
  );
}
