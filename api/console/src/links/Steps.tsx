/** The steps of a test: the first that failed is the last. */

import { Check, X } from "lucide-react";
import type { Step } from "./types";

export function Steps({ steps, label }: { steps: readonly Step[]; label: string }) {
  return (
    <ol className="steps" aria-label={label}>
      {steps.map(({ step, ok, detail }) => (
        <li key={step} className={ok ? "good" : "bad"}>
          {ok ? <Check aria-label="went well" size={16} /> : <X aria-label="failed" size={16} />}
          <strong>{step}</strong>
          <span>{detail}</span>
        </li>
      ))}
    </ol>
  );
}
