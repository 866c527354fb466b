/** Sites, and what is installed at their chargers, as the API tells it. */

export interface SiteInList {
  site_id: string;
  name: string;
  charger_count: number;
  created_at: string;
  updated_at: string;
}

export interface Site extends SiteInList {
  chargers: string[];
}

export interface ChargerConnection {
  serialNumber: string;
  charge_box_id: string;
  wantedVersion: string | null;
  appliedVersion: string | null;
  appliedAt: string | null;
  requestedBy: string | null;
  connectivityMode: string | null;
  chargePointId: string | null;
  state: string | null;
  error: string | null;
  linkState: string | null;
  lastError: string | null;
  drift: string[];
}

export type StepState =
  "pending" | "applied" | "unchanged" | "failed" | "halted" | "superseded" | "gone";

export interface Rollout {
  rolloutId: string;
  version: string | null;
  takesBack: string | null;
  state: "running" | "done" | "halted" | "superseded";
  error: string | null;
  canary: { chargers: number; seconds: number } | null;
  requestedBy: string;
  createdAt: string;
  finishedAt: string | null;
  counts: Record<StepState, number>;
}

export interface SiteConnections {
  siteId: string;
  name: string;
  rollout: Rollout | null;
  results: ChargerConnection[];
  nextCursor: string | null;
}

export interface Foreseen {
  version: string | null;
  results: {
    serialNumber: string;
    charge_box_id: string;
    state: StepState;
    error: string | null;
    changes: { field: string; from: unknown; to: unknown }[];
  }[];
}

export interface Details {
  version: string;
  connectivityMode: "DualProtocol" | "OcppOff";
  websocketConnectionArgs: {
    url: string;
    caCertificate: string | null;
    caCertificateDomain: string | null;
  } | null;
  applyToNewDevices: boolean;
}

/** Return a version as people tell it apart; the whole of it is in its title. */
export function short(version: string | null): string {
  return version === null ? "–" : version.slice(0, 8);
}
