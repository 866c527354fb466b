/** What is shown of the log: what came live and what was looked up, held still where one reads. */

import { ANSWERS, type Listed, type Said } from "./frame";
import { type Exchange, Log } from "./pairing";

const MOST = 5000;
const MOST_HELD = 5000;
const EVERY_MS = 200;

export interface Shown {
  rows: readonly Exchange[];
  /** How many messages have come since it is held. */
  news: number;
  /** How many went by unseen. */
  missed: number;
  /** Whether the oldest have been dropped. */
  full: boolean;
  /** How far the server's clock is ahead of ours, in ms. */
  ahead: number;
}

/** Keep what is shown; whoever draws it is told at most five times a second. */
export class Tail {
  private readonly log: Log;
  private readonly listeners = new Set<() => void>();
  private waiting: Said[] = [];
  private held = false;
  private missed = 0;
  private dropped = 0;
  private ahead = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown: Shown = { rows: [], news: 0, missed: 0, full: false, ahead: 0 };

  constructor(
    most = MOST,
    private readonly mostHeld = MOST_HELD,
  ) {
    this.log = new Log(most);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): Shown => this.shown;

  /** Take what was just said. */
  hear(frame: Said, now: number): void {
    this.ahead = Date.parse(frame.timestamp) - now;
    if (this.held) this.wait(frame);
    else this.log.add(frame);
    this.soon();
  }

  /** Take what was looked up; it is shown although news are held. */
  list(messages: readonly Listed[]): void {
    for (const one of messages) this.log.addListed(one);
    this.tell();
  }

  miss(messages: number): void {
    this.missed += messages;
    this.soon();
  }

  /** Show nothing new, or all that has come meanwhile. */
  hold(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    if (!held) {
      for (const frame of this.waiting) this.log.add(frame);
      this.missed += this.dropped;
      this.waiting = [];
      this.dropped = 0;
    }
    this.tell();
  }

  private wait(frame: Said): void {
    this.waiting.push(frame);
    if (this.waiting.length <= this.mostHeld) return;
    const dropped = this.waiting.splice(0, Math.floor(this.mostHeld / 2));
    this.dropped += dropped.filter(isNews).length;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => this.tell(), EVERY_MS);
  }

  private tell(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.shown = {
      rows: this.log.rows(),
      news: this.waiting.filter(isNews).length + this.dropped,
      missed: this.missed,
      full: this.log.isFull,
      ahead: this.ahead,
    };
    for (const listener of this.listeners) listener();
  }
}

/** Tell what makes a row of its own. */
function isNews({ message_type, origin }: Said): boolean {
  return origin === null && !ANSWERS.has(message_type);
}
