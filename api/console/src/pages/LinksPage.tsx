/** All links to targets: where each is, why, what waits, and what to do about it. */

import { found, useLinks } from "../links/useLinks";
import { COLUMNS } from "../links/columns";
import { LinkDetails } from "../links/LinkDetails";
import { type ProxyLink, STATES } from "../links/types";
import { number } from "../lib/format";
import { useQueryOfPlace } from "../lib/place";
import { Typed } from "../lib/Typed";
import { Act } from "../parts/Act";
import { Field } from "../parts/Field";
import { Empty, Shown } from "../parts/Notice";
import { Table } from "../parts/Table";
import "./filters.css";
import "./links.css";

export function LinksPage() {
  const [query, change] = useQueryOfPlace();
  const { state = "", text = "", open } = query;
  const links = useLinks(state);
  return (
    <>
      <h1>Proxy links</h1>
      <search aria-label="Filters" className="filters">
        <Field label="Charger or target">
          {(given) => (
            <Typed {...given} type="search" value={text} onType={(text) => change({ text })} />
          )}
        </Field>
        <Field label="State">
          {(given) => (
            <select
              {...given}
              value={state}
              onChange={({ target }) => change({ state: target.value })}
            >
              <option value="">all</option>
              {STATES.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
        </Field>
      </search>
      <Shown of={links} what="The links">
        {({ pages }) => {
          const all = pages.flatMap(({ proxy_links }) => proxy_links);
          return (
            <>
              <Table
                label="Proxy links"
                rows={found(all, text)}
                columns={COLUMNS}
                rowKey={keyOf}
                onRow={(link) => change({ open: keyOf(link) })}
                empty={<Nothing filtered={state !== "" || text !== ""} more={links.hasNextPage} />}
              />
              {links.hasNextPage && (
                <p className="quiet" role="status">
                  Looked at are the first {number(all.length)} links; there are more.{" "}
                  <Act
                    running={links.isFetchingNextPage}
                    onClick={() => void links.fetchNextPage()}
                  >
                    Read on
                  </Act>
                </p>
              )}
            </>
          );
        }}
      </Shown>
      {open && <LinkDetails key={open} id={open} onClose={() => change({ open: "" })} />}
    </>
  );
}

function keyOf({ proxy_configuration_id }: ProxyLink): string {
  return String(proxy_configuration_id);
}

function Nothing({ filtered, more }: { filtered: boolean; more: boolean }) {
  if (more) return <Empty title="None of those that were looked at is like that." />;
  if (filtered) return <Empty title="No link is like that.">Ask for less.</Empty>;
  return (
    <Empty title="No charger has a target yet.">
      A charger's page gives it one; so does <code>POST …/proxy_configurations</code>.
    </Empty>
  );
}
