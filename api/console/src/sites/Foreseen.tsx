/** What would become of each charger, before it is done. */

import { number } from "../lib/format";
import { State } from "../parts/State";
import type { Foreseen } from "./types";

export function ForeseenResults({ of: { results } }: { of: Foreseen }) {
  const counts = new Map<string, number>();
  for (const { state } of results) counts.set(state, (counts.get(state) ?? 0) + 1);
  return (
    <section className="foreseen" aria-label="What would change">
      <p>
        {results.length === 0
          ? "There is no charger at this site."
          : `Of ${number(results.length)}: ${[...counts].map(([state, n]) => `${number(n)} ${state}`).join(", ")}.`}
      </p>
      <ul>
        {results.slice(0, 50).map(({ charge_box_id, state, error, changes }) => (
          <li key={charge_box_id}>
            <details>
              <summary>
                {charge_box_id} <State of={state} /> <span className="quiet">{error}</span>
              </summary>
              {changes.length > 0 && (
                <dl>
                  {changes.map((change) => (
                    <Change key={change.field} {...change} />
                  ))}
                </dl>
              )}
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Change({ field, from, to }: Foreseen["results"][number]["changes"][number]) {
  return (
    <>
      <dt>{field}</dt>
      <dd>
        {words(from)} → {words(to)}
      </dd>
    </>
  );
}

function words(value: unknown): string {
  return value === null ? "–" : typeof value === "string" ? value : JSON.stringify(value);
}
