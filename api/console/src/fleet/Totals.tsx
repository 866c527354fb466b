/** What the fleet comes to; some of it leads to those whom it is about. */

import { number, watts } from "../lib/format";
import type { Filters } from "./filters";
import type { Totals } from "./totals";

interface TotalsProps {
  sum: Totals;
  filters: Filters;
  change: (filters: Partial<Filters>) => void;
}

export function TotalCards({ sum, filters, change }: TotalsProps) {
  return (
    <ul className="totals" aria-label="Totals">
      <Leading
        name="Connected"
        value={number(sum.connected)}
        of={`of ${number(sum.chargers)}`}
        {...toggle("state", "connected", filters, change)}
      />
      <Leading
        name="Charging"
        value={number(sum.charging)}
        tone={sum.charging > 0 ? "busy" : ""}
        {...toggle("state", "charging", filters, change)}
      />
      <Leading
        name="Faulted"
        value={number(sum.faulted)}
        tone={sum.faulted > 0 ? "bad" : ""}
        {...toggle("state", "faulted", filters, change)}
      />
      <Leading
        name="Links not ready"
        value={number(sum.linksWaiting)}
        of={`of ${number(sum.links)}`}
        tone={sum.linksWaiting > 0 ? "wait" : ""}
        {...toggle("link", "waiting", filters, change)}
      />
      <li>
        <p className="total">
          <span className="quiet">Power now</span>
          <strong>{watts(sum.power)}</strong>
        </p>
      </li>
      <li>
        <p className="total">
          <span className="quiet">Running sessions</span>
          <strong>{number(sum.sessions)}</strong>
        </p>
      </li>
    </ul>
  );
}

function toggle(
  name: "state" | "link",
  value: string,
  filters: Filters,
  change: (filters: Partial<Filters>) => void,
) {
  const on = filters[name] === value;
  return { on, press: () => change({ [name]: on ? "" : value }) };
}

interface LeadingProps {
  name: string;
  value: string;
  of?: string;
  tone?: string;
  on: boolean;
  press: () => void;
}

function Leading({ name, value, of, tone = "", on, press }: LeadingProps) {
  return (
    <li>
      <button type="button" className={`total ${tone}`} aria-pressed={on} onClick={press}>
        <span className="quiet">{name}</span>
        <span>
          <strong>{value}</strong> {of && <span className="quiet">{of}</span>}
        </span>
      </button>
    </li>
  );
}
