/** Who keeps a place closed, and why. */

import { useAt } from "../lib/queries";
import { stationPath } from "./operations";

export interface Wish {
  evseId: number;
  connectorId: number;
  type: "Operative" | "Inoperative";
  owner: "platform" | "target";
  disableTextReason: string | null;
}

const OWNERS = { platform: "Ringmain", target: "the target" } as const;

export function useClosed(id: string): readonly Wish[] {
  const found = useAt<{ availability: Wish[] }>(`${stationPath(id)}/availability`, 5).data;
  return (found?.availability ?? []).filter(({ type }) => type === "Inoperative");
}

export function Closed({ wishes, evse }: { wishes: readonly Wish[]; evse: number }) {
  return wishes
    .filter(({ evseId }) => evseId === evse)
    .map(({ owner, connectorId, disableTextReason }) => (
      <p key={`${owner} ${connectorId}`}>
        Kept closed by {OWNERS[owner]}
        {disableTextReason && `: ${disableTextReason}`}
      </p>
    ));
}
