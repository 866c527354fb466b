/** A row of the audit in full. */

import type { ReactNode } from "react";
import { moment } from "../lib/format";
import { chargerPath } from "../lib/place";
import { JsonTree } from "../log/JsonTree";
import { CopyButton } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import type { Entry } from "./types";
import { resultTone } from "./words";

export function EntryDetails({ entry, onClose }: { entry: Entry; onClose: () => void }) {
  const lines: [string, ReactNode][] = [
    ["Time", `${moment(entry.timestamp)} (${entry.timestamp})`],
    ["Who", <code key="who">{entry.actor}</code>],
    [
      "Result",
      <span key="result" className={`state ${resultTone(entry.result)}`}>
        {entry.result}
      </span>,
    ],
    ["Of what", entry.object && <code key="what">{entry.object}</code>],
    [
      "Charger",
      entry.charge_box_id && (
        <a key="charger" href={`#${chargerPath(entry.charge_box_id)}`}>
          {entry.charge_box_id}
        </a>
      ),
    ],
    ["Request", entry.request_id && <code key="request">{entry.request_id}</code>],
    ["Place in the chain", entry.place],
  ];
  return (
    <Dialog title={entry.action} onClose={onClose} wide>
      <dl>
        {lines
          .filter(([, told]) => told !== null && told !== "")
          .map(([name, told]) => (
            <div key={name} className="line">
              <dt>{name}</dt>
              <dd>{told}</dd>
            </div>
          ))}
      </dl>
      <div className="head">
        <h3>Details</h3>
        <div className="end">
          <CopyButton text={entry.details} label="Copy as JSON" />
        </div>
      </div>
      <JsonTree text={entry.details} label="Details" />
    </Dialog>
  );
}
