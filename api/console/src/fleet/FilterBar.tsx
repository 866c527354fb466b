/** What one looks for in the fleet. */

import type { ReactNode } from "react";
import { type Filters, filtered } from "./filters";
import { LINK_STATES, STATES } from "./row";

interface BarProps {
  filters: Filters;
  change: (filters: Partial<Filters>) => void;
  sites: ReadonlyMap<string, string>;
  versions: readonly string[];
}

export function FilterBar({ filters, change, sites, versions }: BarProps) {
  return (
    <search className="filters">
      <Search value={filters.search} change={(search) => change({ search })} />
      <Choice name="State" value={filters.state} change={(state) => change({ state })}>
        <option value="connected">connected</option>
        {STATES.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </Choice>
      <Choice name="OCPP" value={filters.version} change={(version) => change({ version })}>
        {versions.map((version) => (
          <option key={version}>{version}</option>
        ))}
      </Choice>
      <Choice name="Link" value={filters.link} change={(link) => change({ link })}>
        <option value="waiting">not ready</option>
        <option value="none">no target</option>
        {LINK_STATES.map((state) => (
          <option key={state}>{state}</option>
        ))}
      </Choice>
      {sites.size > 0 && (
        <Choice name="Site" value={filters.site} change={(site) => change({ site })}>
          <option value="none">no site</option>
          {[...sites].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Choice>
      )}
      {filtered(filters) && (
        <button
          type="button"
          onClick={() => change({ search: "", state: "", version: "", link: "", site: "" })}
        >
          Clear
        </button>
      )}
    </search>
  );
}

function Search({ value, change }: { value: string; change: (text: string) => void }) {
  return (
    <input
      type="search"
      aria-label="Search by id, name, site or model"
      aria-keyshortcuts="/"
      placeholder="Search id, name, site, model   ( / )"
      value={value}
      onChange={(event) => change(event.target.value)}
    />
  );
}

interface ChoiceProps {
  name: string;
  value: string;
  change: (value: string) => void;
  children: ReactNode;
}

function Choice({ name, value, change, children }: ChoiceProps) {
  return (
    <select
      aria-label={name}
      value={value}
      className={value ? "set" : undefined}
      onChange={(event) => change(event.target.value)}
    >
      <option value="">{name}: any</option>
      {children}
    </select>
  );
}
