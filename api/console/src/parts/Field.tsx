/** One thing that is asked for: its label, what it means, and what was wrong with it. */

import { type ReactNode, useEffect, useId, useRef } from "react";
import type { Problem } from "../lib/client";
import { otherErrors } from "../lib/fields";

/** What the input takes over: `<input {...given} />`. */
export interface Given {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

export interface FieldProps {
  label: string;
  hint?: ReactNode;
  /** What was wrong with it, by `fieldError(problem, name)`. */
  error?: string | null;
  children: (given: Given) => ReactNode;
}

export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const described = [hint ? `${id}-hint` : "", error ? `${id}-error` : ""].filter(Boolean);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        ...(described.length > 0 ? { "aria-describedby": described.join(" ") } : {}),
        ...(error ? { "aria-invalid": true } : {}),
      })}
      {hint && (
        <p id={`${id}-hint`} className="quiet hint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="wrong">
          {error}
        </p>
      )}
    </div>
  );
}

/** A thing to be ticked; its label stands behind it. */
export function Tick({ label, hint, children }: Omit<FieldProps, "error">) {
  const id = useId();
  return (
    <div className="field tick">
      {children({ id, ...(hint ? { "aria-describedby": `${id}-hint` } : {}) })}
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p id={`${id}-hint`} className="quiet hint">
          {hint}
        </p>
      )}
    </div>
  );
}

/** Why a write failed; `shown` names the fields that say it themselves. The first wrong one is led to. */
export function Wrong({ problem, shown = [] }: { problem: Problem | null; shown?: string[] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!problem) return;
    const form = place.current?.closest("form");
    form?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [problem]);
  if (!problem) return null;
  const others = otherErrors(problem, shown);
  return (
    <div ref={place} className="wrong" role="alert">
      <p>{problem.message}</p>
      {others.length > 0 && (
        <ul>
          {others.map((told) => (
            <li key={told}>{told}</li>
          ))}
        </ul>
      )}
    </div>
  );
}
