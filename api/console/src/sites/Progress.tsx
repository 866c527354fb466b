/** How far a rollout has got: what became of how many chargers. */

import { ago, moment } from "../lib/format";
import { State } from "../parts/State";
import { type Rollout, type StepState, short } from "./types";

const STEPS: readonly [StepState, string, string][] = [
  ["applied", "good", "applied"],
  ["unchanged", "good", "as it was"],
  ["failed", "bad", "failed"],
  ["halted", "wait", "halted"],
  ["superseded", "off", "superseded"],
  ["gone", "off", "gone"],
  ["pending", "", "pending"],
];

export function Progress({ rollout }: { rollout: Rollout }) {
  const all = Object.values(rollout.counts).reduce((sum, count) => sum + count, 0);
  const there = STEPS.filter(([step]) => rollout.counts[step] > 0);
  return (
    <>
      <div className="facts">
        <div>
          <span className="quiet">{rollout.takesBack ? "Takes back" : "Version"}</span>
          <code title={rollout.version ?? rollout.takesBack ?? ""}>
            {rollout.takesBack ? `rollout ${short(rollout.takesBack)}` : short(rollout.version)}
          </code>
        </div>
        <div>
          <span className="quiet">Rollout</span>
          <span>
            <State of={rollout.state} />
          </span>
        </div>
        <div>
          <span className="quiet">Begun</span>
          <span title={moment(rollout.createdAt)}>{ago(rollout.createdAt)}</span>
        </div>
        {rollout.canary && (
          <div>
            <span className="quiet">Canaries</span>
            <span>
              {rollout.canary.chargers} within {rollout.canary.seconds} s
            </span>
          </div>
        )}
      </div>
      <div
        className="progress"
        role="progressbar"
        aria-label="Chargers that were come to"
        aria-valuemin={0}
        aria-valuemax={all}
        aria-valuenow={all - rollout.counts.pending}
      >
        {there.map(([step, tone]) => (
          <span key={step} className={tone} style={{ flex: rollout.counts[step] }} />
        ))}
      </div>
      <ul className="legend" aria-label="Chargers of the rollout">
        {there.map(([step, , words]) => (
          <li key={step}>
            <strong>{rollout.counts[step]}</strong> {words}
          </li>
        ))}
      </ul>
      {rollout.error && <p className="wrong">{rollout.error}</p>}
    </>
  );
}
