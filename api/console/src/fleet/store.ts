/** The rows of a fleet, beside React: however often they change, it is told once per frame. */

import type { FleetRow } from "./row";

export interface Fleet {
  rows: readonly FleetRow[];
  /** Whether every page has been read. */
  whole: boolean;
}

type Later = (tell: () => void) => void;

const NOTHING: Fleet = { rows: [], whole: false };

export class FleetStore {
  private rows = new Map<string, FleetRow>();
  private fleet = NOTHING;
  private stale = false;
  private due = false;
  private whole = false;
  private listeners = new Set<() => void>();
  // While pages are read: who was told of at all, and who by events since the last page, which are newer.
  private reading = false;
  private known = new Set<string>();
  private heard = new Set<string>();

  constructor(private readonly later: Later = (tell) => requestAnimationFrame(tell)) {}

  /** Begin to read all pages anew; what is shown stays until they say otherwise. */
  begin(): void {
    this.reading = true;
    this.known = new Set();
    this.heard = new Set();
  }

  /** Take a page that was asked for; what events said meanwhile is newer. */
  page(rows: readonly FleetRow[]): void {
    for (const row of rows) {
      this.known.add(row.charge_box_id);
      if (!this.heard.has(row.charge_box_id)) this.rows.set(row.charge_box_id, row);
    }
    this.heard = new Set();
    this.changed();
  }

  /** Forget who was on no page: they are enrolled no more. */
  end(): void {
    for (const id of this.rows.keys()) if (!this.known.has(id)) this.rows.delete(id);
    this.reading = false;
    this.known = new Set();
    this.heard = new Set();
    this.whole = true;
    this.changed();
  }

  /** Take what an event says. */
  change(rows: readonly FleetRow[], removed: readonly string[]): void {
    for (const row of rows) {
      this.rows.set(row.charge_box_id, row);
      this.note(row.charge_box_id);
    }
    for (const id of removed) {
      this.rows.delete(id);
      this.note(id);
    }
    if (rows.length > 0 || removed.length > 0) this.changed();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Return the rows as they are; the same object until something has changed. */
  look = (): Fleet => {
    if (this.stale) {
      this.stale = false;
      this.fleet = { rows: [...this.rows.values()], whole: this.whole };
    }
    return this.fleet;
  };

  private note(id: string): void {
    if (!this.reading) return;
    this.known.add(id);
    this.heard.add(id);
  }

  private changed(): void {
    if (this.due) return;
    this.due = true;
    this.later(() => {
      this.due = false;
      this.stale = true;
      for (const listener of this.listeners) listener();
    });
  }
}
