/** A row of the audit, and a security event, as the API tells them. */

export interface Entry {
  id: number;
  timestamp: string;
  /** Absent of a security event. */
  category?: string;
  charge_box_id: string | null;
  actor: string;
  /** What was asked; of a security event its kind. */
  action: string;
  object: string | null;
  result: string;
  request_id: string | null;
  place: number | null;
  /** As it was told, digit by digit. */
  details: string;
}

export interface AuditPage {
  entries: Entry[];
  next_cursor: string | null;
}

export type View = "audit" | "security";

export const CATEGORIES = ["api", "target", "platform", "security"] as const;
