/** Data connectors: where the message log is written to, how far, and why not. */

import { Plus } from "lucide-react";
import { useState } from "react";
import { ConnectorCard } from "../connectors/ConnectorCard";
import { ConnectorForm } from "../connectors/ConnectorForm";
import type { Connectors } from "../connectors/types";
import { useSession } from "../lib/session";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Empty, Shown } from "../parts/Notice";
import "./filters.css";
import "./links.css";
import "./connectors.css";

const EVERY_S = 30;

export function ConnectorsPage() {
  const organization = useSession().organization?.organization_uuid;
  const path = `/api/orgs/${organization}/connectors`;
  const connectors = useAll<Connectors>(path, "connectors", EVERY_S);
  const [making, setMaking] = useState(false);
  return (
    <>
      <div className="head">
        <h1>Data connectors</h1>
        <div className="end">
          <Act needs="operate" kind="main" onClick={() => setMaking(true)}>
            <Plus aria-hidden size={16} /> New connector
          </Act>
        </div>
      </div>
      <Shown of={connectors} what="The connectors">
        {({ connectors: all }) =>
          all.length === 0 ? (
            <Empty title="There is no data connector yet.">
              One writes every message to a bucket of yours, a minute behind what is said.
            </Empty>
          ) : (
            <div className="cards">
              {all.map((one) => (
                <ConnectorCard key={one.id} of={one} path={path} />
              ))}
            </div>
          )
        }
      </Shown>
      {making && <ConnectorForm path={path} onClose={() => setMaking(false)} />}
    </>
  );
}
