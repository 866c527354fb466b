/** What the API tells of a charger, as far as its page shows it. */

export type Verdict = boolean | "unknown";

export interface Connector {
  evseId: number;
  connectorId: number;
  status: string;
  errorCode: string | null;
}

export interface Transaction {
  transactionId: string;
  evseId: number;
  connectorId: number | null;
  idToken: string | null;
  startedAt: string;
  stoppedAt: string | null;
  energyWh: number | null;
  state: "running" | "ended" | "orphan";
  stopReason: string | null;
  endedBy: string | null;
  stopAskedAt: string | null;
  doubts: string[];
}

export interface EffectiveLimit {
  value: number;
  unit: "A" | "W";
  kw: number;
  source: string;
  chargingProfileId: number | null;
  until: string | null;
}

export interface PowerLimit {
  chargingProfileId: number | null;
  evseId: number;
  transactionId: string | null;
  limit: Record<string, number>;
  stackLevel: number;
  condition: string | null;
  relativeDelay: number | null;
  comment: string | null;
  createdBy: string | null;
  createdAt: string;
}

export interface ReportedLimit {
  evseId: number;
  source: string;
  isLocalGeneration: boolean;
  updatedAt: string;
}

export interface Evse {
  evseId: number;
  effectiveLimit: EffectiveLimit | null;
  obeys: Verdict;
}

/** A charger as `GET /api/chargingStations/{id}` has it. */
export interface Station {
  stationId: string;
  name: string;
  vendorName: string | null;
  modelName: string | null;
  serialNumber: string | null;
  firmwareVersion: string | null;
  ocppVersion: string | null;
  connected: boolean;
  lastSeen: string | null;
  lastDisconnect: string | null;
  connectors: Connector[];
  runningTransactions: Transaction[];
  effectiveLimit: EffectiveLimit | null;
  obeys: Verdict;
  evses: Evse[];
  powerLimits: PowerLimit[];
  reportedLimits: ReportedLimit[];
}

/** A charger as `GET ORG/chargers/{id}` has it: what can be changed of it. */
export interface Charger {
  charge_box_id: string;
  charger_name: string;
  site_id: string | null;
  security_profile: number;
  next_security_profile: number | null;
  certificate_name: string | null;
  hex_password: boolean;
  allowed_versions: string[];
  boot_policy: "accept" | "pending";
  supply_phases: number | null;
  nominal_voltage: number | null;
  ocpp_url: string;
  connected: boolean;
  created_at: string;
}

export interface Power {
  evses: { evse_id: number; points: { timestamp: string; watts: number }[] }[];
  limits: {
    evse_id: number;
    steps: { begin: string; watts: number | null; source: string | null }[];
  }[];
}

export interface Command {
  commandId: string;
  action: string;
  request: Record<string, unknown>;
  requestedBy: string;
  state: string;
  response: Record<string, unknown> | null;
  createdAt: string;
  finishedAt: string | null;
  batchId: string | null;
  requestId: number | null;
}

export interface CommandWithParts extends Command {
  progress: { parts: number; complete: boolean; lastAt: string | null } | null;
  parts: { action: string; payload: Record<string, unknown>; receivedAt: string }[];
  nextCursor: string | null;
}

export interface ConnectionSpan {
  since: string;
  until: string | null;
  remote_address: string | null;
  subprotocol: string | null;
  security_profile: number | null;
  close_code: number | null;
  close_reason: string | null;
  frames_received: number;
  frames_sent: number;
  bytes_received: number;
  bytes_sent: number;
}
