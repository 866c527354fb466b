/** What a message of a charger's log makes stale. */

// `station` is everything below /api/chargingStations/{id}: transactions and commands too.
export type Topic = "station" | "row" | "power" | "messages";

const OF_POWER: readonly Topic[] = ["station", "row", "power", "messages"];
const OF_STATE: readonly Topic[] = ["station", "row", "messages"];
const QUIET: readonly Topic[] = ["messages"];

const BY_ACTION: Record<string, readonly Topic[]> = {
  Heartbeat: QUIET,
  Authorize: QUIET,
  MeterValues: OF_POWER,
  StartTransaction: OF_POWER,
  StopTransaction: OF_POWER,
  TransactionEvent: OF_POWER,
  SetChargingProfile: OF_POWER,
  ClearChargingProfile: OF_POWER,
  NotifyChargingLimit: OF_POWER,
  ClearedChargingLimit: OF_POWER,
};

/** Return what is to be asked for again; what is said to a target changes nothing here. */
export function staleBy({
  action,
  direction,
}: {
  action: string | null;
  direction: string;
}): readonly Topic[] {
  if (direction.includes("target")) return QUIET;
  return BY_ACTION[action ?? ""] ?? OF_STATE;
}
