/** One charger as the overview shows it. */

export const STATES = [
  "faulted",
  "charging",
  "occupied",
  "reserved",
  "available",
  "unavailable",
  "offline",
  "unknown",
] as const;
export type ChargerState = (typeof STATES)[number];

export const LINK_STATES = [
  "ready",
  "dialing",
  "booting",
  "pending",
  "backoff",
  "rejected",
  "incompatible",
  "disabled",
] as const;

export interface FleetTarget {
  proxy_configuration_id: number;
  target_platform_identifier: string;
  state: string;
  reason: string | null;
}

export interface FleetConnector {
  evse_id: number;
  connector_id: number;
  status: string;
  error_code: string | null;
}

export interface FleetRow {
  charge_box_id: string;
  charger_name: string;
  site_id: string | null;
  vendor_name: string | null;
  model_name: string | null;
  ocpp_version: string | null;
  connected: boolean;
  last_seen: string | null;
  state: ChargerState;
  connectors: FleetConnector[];
  power_w: number | null;
  running_transactions: number;
  target: FleetTarget | null;
}

/** Tell whether a target link should be ready and is not. */
export function linkWaits({ target }: FleetRow): boolean {
  return target !== null && target.state !== "ready" && target.state !== "disabled";
}
