/** Say in words why there is nothing to see, and what happens next. */

import type { ReactNode } from "react";
import type { Problem } from "../lib/client";

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <h2>{title}</h2>
      {children && <div>{children}</div>}
    </div>
  );
}

function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A failure of a page or a part of it. */
export function Failure({ problem, what }: { problem: Problem; what: string }) {
  return (
    <div className="notice bad" role="alert">
      <h2>{capital(what)} cannot be shown.</h2>
      <p>{problem.message}</p>
      <p className="quiet">
        {problem.passes
          ? "It is tried again by itself."
          : `The server answered ${problem.status} (${problem.code}).`}
      </p>
    </div>
  );
}

/** A calm place-holder: what loads quickly is not announced by anything that moves. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <p className="quiet">Loading {what.charAt(0).toLowerCase() + what.slice(1)} …</p>
      <div className="bones" aria-hidden="true" />
    </div>
  );
}

/** What is shown is not of now: why, and what happens next. */
export function Stale({ problem }: { problem: Problem }) {
  return (
    <p className="stale" role="status">
      <strong>Not refreshed.</strong> {problem.message}{" "}
      {problem.passes && "It is tried again by itself."}
    </p>
  );
}

/** Show what was asked for, or say why it is not there yet. */
export function Shown<T>({
  of,
  what,
  children,
}: {
  of: { data: T | undefined; error: Problem | null };
  what: string;
  children: (data: T) => ReactNode;
}) {
  if (of.data !== undefined) {
    return (
      <>
        {/* Where nobody is reached at all, the top of the page says so. */}
        {of.error && of.error.status !== 0 && <Stale problem={of.error} />}
        {children(of.data)}
      </>
    );
  }
  return of.error ? <Failure problem={of.error} what={what} /> : <Loading what={what} />;
}
