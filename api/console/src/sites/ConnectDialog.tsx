/** Connect the chargers of a site to their operator's server: store a version, look, apply it. */

import { useState } from "react";
import { ask, type Problem } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { useAt } from "../lib/queries";
import { Dialog } from "../parts/Dialog";
import { Loading } from "../parts/Notice";
import { ApplyForm } from "./ApplyForm";
import { DetailsForm } from "./DetailsForm";
import { operator } from "./operator";
import type { Details } from "./types";

interface ConnectProps {
  site: { site_id: string; name: string };
  onClose: () => void;
}

export function ConnectDialog({ site, onClose }: ConnectProps) {
  const latest = useAt<Details>(operator("/connection-details"));
  const [stored, setStored] = useState<string | null>(null);
  const version = stored ?? latest.data?.version ?? "";
  const [storing, setStoring] = useState(false);
  const none = latest.error?.status === 404;
  const write = useWrite(
    (body: Record<string, unknown>) =>
      ask<{ version: string }>(operator("/connection-details"), { method: "POST", body }),
    () => "The connection details are stored.",
  );
  if (latest.isPending) {
    return (
      <Dialog title={`Connect ${site.name}`} onClose={onClose}>
        <Loading what="the connection details" />
      </Dialog>
    );
  }
  const failed: Problem | null = none ? null : latest.error;
  if (storing || (none && stored === null) || failed) {
    return (
      <Dialog title="Store connection details" onClose={onClose}>
        <p className="quiet">
          They say where chargers are linked to, besides Ringmain. What is stored has a version,
          which never changes; nothing is applied yet.
        </p>
        <DetailsForm
          latest={latest.data ?? null}
          write={write}
          onCancel={none ? onClose : () => setStoring(false)}
          onStored={(told) => {
            setStored(told);
            setStoring(false);
          }}
        />
      </Dialog>
    );
  }
  return (
    <Dialog title={`Connect ${site.name}`} onClose={onClose}>
      <ApplyForm
        key={version}
        site={site}
        version={version}
        known={latest.data?.version === version ? latest.data : null}
        onStore={() => setStoring(true)}
        onClose={onClose}
      />
    </Dialog>
  );
}
