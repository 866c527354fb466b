/** A link to a target, as the API tells it. */

export type LinkState =
  | "disabled"
  | "dialing"
  | "booting"
  | "pending"
  | "ready"
  | "rejected"
  | "incompatible"
  | "backoff";

export const STATES: readonly LinkState[] = [
  "ready",
  "backoff",
  "rejected",
  "incompatible",
  "pending",
  "booting",
  "dialing",
  "disabled",
];

export interface ProxyLink {
  proxy_configuration_id: number;
  charge_box_id: string;
  target_platform_identifier: string;
  target_websocket_url: string;
  enabled: boolean;
  mode: string;
  role: string;
  state: LinkState;
  since: string | null;
  reason: string | null;
  next_dial_at: string | null;
  queue_length: number;
  queue_is_longer: boolean;
  oldest_queued_at: string | null;
  dead_letters: number;
}

export interface LinkPage {
  proxy_links: ProxyLink[];
  next_cursor: string | null;
}

export interface TargetStatus {
  state: LinkState;
  since: string | null;
  last_error: string | null;
  boot_status: string | null;
  next_dial_at: string | null;
  queue_length: number;
  oldest_age_seconds: number | null;
  dead_letters: number;
  skipped: number;
}

export interface Entry {
  entry: number;
  action: string;
  queued_at: string | null;
  state: "queued" | "sent" | "dead";
  reason: string | null;
  attempts: number;
  maybe_duplicate: boolean;
  bytes: number | null;
}

export interface QueuePage {
  entries: Entry[];
  next_cursor: string | null;
}

export interface Step {
  step: string;
  ok: boolean;
  detail: string;
}
