/** One site: its chargers, and how far connecting them to their operator's server has got. */

import { number } from "../lib/format";
import { Cable, Pencil, Plus, Trash2, Undo2 } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { harmless } from "../harmless/text";
import { ask, own } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Empty, Shown } from "../parts/Notice";
import { ConnectDialog } from "../sites/ConnectDialog";
import { operator, useSiteConnections } from "../sites/operator";
import { Progress } from "../sites/Progress";
import { AddChargers, RenameSite } from "../sites/SiteDialogs";
import { Connections, Rollouts } from "../sites/SiteTables";
import type { Rollout, Site, SiteConnections } from "../sites/types";
import "./sites.css";

type Asked = "connect" | "rollback" | "rename" | "add" | "delete" | { remove: string };

export function SitePage({ id }: { id: string }) {
  const site = useOwn<{ site: Site }>(`/sites/${encodeURIComponent(id)}`, 30);
  const name = site.data?.site.name ?? "Site";
  useEffect(() => {
    document.title = `${harmless(name)} · Ringmain`;
  }, [name]);
  return (
    <>
      {!site.data && <h1>{name}</h1>}
      <Shown of={site} what="The site">
        {({ site }) => <OfSite site={site} />}
      </Shown>
    </>
  );
}

function OfSite({ site }: { site: Site }) {
  const connections = useSiteConnections(site.site_id);
  const [asked, setAsked] = useState<Asked | null>(null);
  const remove = useCallback((charge_box_id: string) => setAsked({ remove: charge_box_id }), []);
  return (
    <>
      <div className="head">
        <h1>{site.name}</h1>
        <Act needs="operate" onClick={() => setAsked("rename")}>
          <Pencil aria-hidden size={16} /> Rename
        </Act>
        <Act needs="operate" onClick={() => setAsked("delete")}>
          <Trash2 aria-hidden size={16} /> Delete
        </Act>
      </div>
      <Shown of={connections} what="What is installed">
        {(told) => (
          <>
            <Commissioning rollout={told.rollout} ask={setAsked} />
            <AtSite told={told} ask={setAsked} remove={remove} />
          </>
        )}
      </Shown>
      <section className="card">
        <h2>Before</h2>
        <Rollouts id={site.site_id} />
      </section>
      {asked !== null && <Dialogs site={site} asked={asked} close={() => setAsked(null)} />}
    </>
  );
}

function Commissioning(props: { rollout: Rollout | null; ask: (what: Asked) => void }) {
  const { rollout, ask } = props;
  return (
    <section className="card">
      <div className="head">
        <h2>Connection to the operator's server</h2>
        <div className="end actions">
          <Act
            needs="operate"
            not={rollout ? null : "Nothing was applied to this site yet."}
            onClick={() => ask("rollback")}
          >
            <Undo2 aria-hidden size={16} /> Roll back
          </Act>
          <Act needs="operate" kind="main" onClick={() => ask("connect")}>
            <Cable aria-hidden size={16} /> Connect
          </Act>
        </div>
      </div>
      {rollout ? (
        <Progress rollout={rollout} />
      ) : (
        <p className="quiet">
          Nothing was applied to this site yet. Connect it: its chargers stay with Ringmain, which
          links each of them to the operator's server.
        </p>
      )}
    </section>
  );
}

function AtSite(props: {
  told: SiteConnections;
  ask: (what: Asked) => void;
  remove: (charge_box_id: string) => void;
}) {
  const { results } = props.told;
  const ready = results.filter(({ linkState }) => linkState === "ready").length;
  const drifted = results.filter(({ drift }) => drift.length > 0).length;
  return (
    <section className="card">
      <div className="head">
        <h2>Chargers</h2>
        <span className="quiet">
          {number(results.length)}, {number(ready)} linked
          {drifted > 0 && `, ${number(drifted)} changed by hand`}
        </span>
        <div className="end">
          <Act needs="operate" onClick={() => props.ask("add")}>
            <Plus aria-hidden size={16} /> Add chargers
          </Act>
        </div>
      </div>
      <Connections
        rows={results}
        remove={props.remove}
        empty={<Empty title="There is no charger at this site yet." />}
      />
    </section>
  );
}

function Dialogs({ site, asked, close }: { site: Site; asked: Asked; close: () => void }) {
  if (asked === "connect") return <ConnectDialog site={site} onClose={close} />;
  if (asked === "rename") return <RenameSite site={site} onClose={close} />;
  if (asked === "add") return <AddChargers site={site} onClose={close} />;
  if (asked === "rollback") return <RollBack site={site} onClose={close} />;
  if (asked === "delete") return <Delete site={site} onClose={close} />;
  return <Remove site={site} charge_box_id={asked.remove} onClose={close} />;
}

interface OfDialog {
  site: Site;
  onClose: () => void;
}

function RollBack({ site, onClose }: OfDialog) {
  const path = operator(`/connections/sites/${site.site_id}/rollback`);
  const write = useWrite<void, unknown>(
    () => ask(path, { method: "POST" }),
    () => `What was applied to ${site.name} last is being taken back.`,
  );
  return (
    <Confirm title={`Roll ${site.name} back?`} action="Roll back" write={write} onClose={onClose}>
      Each charger gets what it had before the newest rollout. Whoever was given something else
      since is left alone.
    </Confirm>
  );
}

function Delete({ site, onClose }: OfDialog) {
  const [, navigate] = useLocation();
  const write = useWrite<void, unknown>(
    () => ask(own(`/sites/${site.site_id}`), { method: "DELETE" }),
    () => `${site.name} has been deleted.`,
  );
  return (
    <Confirm
      title={`Delete ${site.name}?`}
      action="Delete"
      write={write}
      onClose={onClose}
      onDone={() => navigate("/sites")}
    >
      Its chargers and their connections stay as they are. A rollout that is under way ends.
    </Confirm>
  );
}

function Remove({ site, charge_box_id, onClose }: OfDialog & { charge_box_id: string }) {
  const write = useWrite<void, unknown>(
    () =>
      ask(own(`/sites/${site.site_id}`), {
        method: "PATCH",
        body: { remove_chargers: [charge_box_id] },
      }),
    () => `${charge_box_id} is not at ${site.name} any more.`,
  );
  return (
    <Confirm
      title={`Remove ${charge_box_id} from ${site.name}?`}
      action="Remove"
      write={write}
      onClose={onClose}
    >
      It stays enrolled, and connected as it is.
    </Confirm>
  );
}
