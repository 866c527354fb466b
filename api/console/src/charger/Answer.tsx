/** What the charger said to something it was asked, or why it was not asked. */

import type { Problem } from "../lib/client";
import { ago } from "../lib/format";
import { Wrong } from "../parts/Field";
import { wordOf } from "./answers";

export function Answer({ told, whole }: { told: unknown; whole?: boolean }) {
  const { status, tone, info, rest } = wordOf(told);
  return (
    <div className={`answer ${tone}`} role="status">
      <p>
        The charger answered{status === null ? ":" : <strong> {status}</strong>}
        {status !== null && "."}
      </p>
      {info && (
        <p>
          {info.reasonCode}
          {info.additionalInfo && `: ${info.additionalInfo}`}
        </p>
      )}
      {whole && rest && <Json of={told} label="The answer" />}
    </div>
  );
}

/** Why there is no answer that is an answer. */
export function NoAnswer({ problem, shown }: { problem: Problem | null; shown?: string[] }) {
  if (!problem) return null;
  const error = problem.details.charger_error as { code: string; description: string } | undefined;
  const seen = problem.details.last_seen as string | null | undefined;
  const commandId = problem.details.command_id as string | undefined;
  return (
    <>
      <Wrong problem={problem} {...(shown ? { shown } : {})} />
      {error && (
        <p>
          The charger answered with a CALLERROR: <strong>{error.code}</strong>
          {error.description && `: ${error.description}`}
        </p>
      )}
      {problem.code === "charger_offline" && seen !== undefined && (
        <p>It was last seen {ago(seen)}. Send it again when the charger is back.</p>
      )}
      {problem.code === "charger_timeout" && (
        <p>Whether the charger did it is not known. A late answer shows in the message log.</p>
      )}
      {commandId && (
        <p className="quiet">
          Recorded as command <code>{commandId}</code>.
        </p>
      )}
    </>
  );
}

export function Json({ of, label }: { of: unknown; label: string }) {
  return (
    <pre className="json" tabIndex={0} role="region" aria-label={label}>
      {JSON.stringify(of, null, 2)}
    </pre>
  );
}
