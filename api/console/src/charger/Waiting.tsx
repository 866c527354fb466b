/** A restart that waits here until nothing goes on at an OCPP 1.6 charger. */

import { ask, withQuery } from "../lib/client";
import { ago } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useAt } from "../lib/queries";
import { Act } from "../parts/Act";
import { Wrong } from "../parts/Field";
import { stationPath } from "./operations";
import type { Command } from "./types";

export function Waiting({ id }: { id: string }) {
  const query = { action: "Reset", state: "collecting", limit: 1 };
  const found = useAt<{ commands: Command[] }>(withQuery(`${stationPath(id)}/commands`, query), 5)
    .data?.commands[0];
  const write = useWrite(
    () => ask<unknown>(`${stationPath(id)}/reset`, { method: "DELETE" }),
    () => "The restart is cancelled.",
  );
  if (!found) return null;
  return (
    <>
      <p>A restart was asked for {ago(found.createdAt)} and waits until nobody charges there.</p>
      <div className="actions start">
        <Act needs="operate" running={write.running} onClick={() => void write.run()}>
          Cancel the restart
        </Act>
      </div>
      <Wrong problem={write.problem} />
    </>
  );
}
