/** A button that does something: it says why it may not, and that it is at it. */

import { type ReactNode, useId } from "react";
import { type Scope, useRefusal } from "../lib/may";

export interface ActProps {
  /** The scope that it takes; without one, everybody may. */
  needs?: Scope;
  /** Another reason why it cannot be done now, in words. */
  not?: string | null;
  running?: boolean;
  kind?: "main" | "bad" | "plain";
  /** Without it the button sends its form. */
  onClick?: () => void;
  children: ReactNode;
}

export function Act({ needs = "read", not = null, running, kind, onClick, children }: ActProps) {
  const id = useId();
  const why = useRefusal(needs) ?? not;
  // Not `disabled`: it can still be reached, and says why.
  const off = why !== null || running === true;
  return (
    <>
      <button
        type={onClick ? "button" : "submit"}
        className={kind}
        aria-disabled={off || undefined}
        aria-busy={running || undefined}
        {...(why ? { title: why, "aria-describedby": id } : {})}
        onClick={(event) => {
          if (off) event.preventDefault();
          else onClick?.();
        }}
      >
        {children}
        {running && " …"}
      </button>
      {why && (
        <span id={id} className="unseen">
          {why}
        </span>
      )}
    </>
  );
}
