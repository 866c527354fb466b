/** The audit: who did or was denied what; and what concerns who may come in. */

import { useMemo, useState } from "react";
import { columns } from "../audit/columns";
import { EntryDetails } from "../audit/EntryDetails";
import { CATEGORIES, type Entry, type View } from "../audit/types";
import { useAudit } from "../audit/useAudit";
import { useRefusal } from "../lib/may";
import { useQueryOfPlace } from "../lib/place";
import { Typed } from "../lib/Typed";
import { Field } from "../parts/Field";
import { Empty, Shown } from "../parts/Notice";
import { Table } from "../parts/Table";
import "./filters.css";
import "./audit.css";

export function AuditPage() {
  const [query, change] = useQueryOfPlace();
  const refused = useRefusal("admin");
  const view: View = refused || query.view === "security" ? "security" : "audit";
  return (
    <>
      <h1>Audit</h1>
      {refused && (
        <p role="note">
          Security events are shown. The whole audit needs an admin: {refused.toLowerCase()}
        </p>
      )}
      <Filters view={view} whole={refused === null} query={query} change={change} />
      <Rows view={view} query={query} />
    </>
  );
}

interface FiltersProps {
  view: View;
  whole: boolean;
  query: Readonly<Record<string, string>>;
  change: (change: Readonly<Record<string, string>>) => void;
}

const MOMENT = { type: "datetime-local", step: "1" };

function Filters({ view, whole, query, change }: FiltersProps) {
  const typed = (name: string, more: Record<string, string> = {}) => ({
    ...more,
    value: query[name] ?? "",
    onType: (value: string) => change({ [name]: value.trim() }),
  });
  const chosen = (name: string) => ({
    value: query[name] ?? "",
    onChange: ({ target }: { target: HTMLSelectElement }) => change({ [name]: target.value }),
  });
  return (
    <search aria-label="Filters" className="filters">
      {whole && (
        <Field label="Show">
          {(given) => (
            <select {...given} {...chosen("view")}>
              <option value="">the audit</option>
              <option value="security">security events</option>
            </select>
          )}
        </Field>
      )}
      {view === "audit" && (
        <>
          <Field label="Category">
            {(given) => (
              <select {...given} {...chosen("category")}>
                <option value="">all</option>
                {CATEGORIES.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Who">{(given) => <Typed {...given} {...typed("actor")} />}</Field>
        </>
      )}
      <Field label="What">{(given) => <Typed {...given} {...typed("action")} />}</Field>
      <Field label="Charger">{(given) => <Typed {...given} {...typed("charge_box_id")} />}</Field>
      <Field label="From">{(given) => <Typed {...given} {...typed("since", MOMENT)} />}</Field>
      <Field label="Until">{(given) => <Typed {...given} {...typed("until", MOMENT)} />}</Field>
    </search>
  );
}

/** Return what the server is asked for. */
function asked(view: View, query: Readonly<Record<string, string>>) {
  const { actor, action, category, charge_box_id, since, until } = query;
  const common = { charge_box_id, since: moment(since), until: moment(until) };
  return view === "audit" ? { actor, action, category, ...common } : { kind: action, ...common };
}

function moment(local: string | undefined): string | undefined {
  const date = new Date(local ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function Rows({ view, query }: { view: View; query: Readonly<Record<string, string>> }) {
  const audit = useAudit(view, asked(view, query));
  const [opened, setOpened] = useState<Entry | null>(null);
  const shown = useMemo(() => columns(setOpened), []);
  return (
    <>
      <Shown of={audit} what="The audit">
        {({ pages }) => (
          <Table
            label={view === "audit" ? "Audit" : "Security events"}
            rows={pages.flatMap(({ entries }) => entries)}
            columns={shown}
            rowKey={({ id }) => String(id)}
            onRow={setOpened}
            empty={
              <Empty title="There is nothing like that.">
                Rows are kept for 400 days, unless the organization wants it otherwise.
              </Empty>
            }
          />
        )}
      </Shown>
      {audit.hasNextPage && (
        <div className="head">
          <button
            type="button"
            disabled={audit.isFetchingNextPage}
            onClick={() => void audit.fetchNextPage()}
          >
            Older rows
          </button>
        </div>
      )}
      {opened && <EntryDetails entry={opened} onClose={() => setOpened(null)} />}
    </>
  );
}
