/**
 * Put the frames of the log together as exchanges: a call and its answer, and with it the leg on
 * the other side of the proxy. Frames come in any order and more than once: live, and from the log.
 */

import { ANSWERS, type Direction, type Frame, type Listed, type Said } from "./frame";

/** A call, or what is never answered, and what came back on the same link. */
export interface Leg {
  call: Said;
  answer: Frame | null;
}

/** What a charger, a target or Ringmain began, and how it was passed on, oldest attempt first. */
export interface Exchange extends Leg {
  /** The seq of its call, which is its place in the log. */
  seq: number;
  passedOn: Leg[];
}

const OPPOSITE: Record<Direction, Direction> = {
  charger_to_platform: "platform_to_charger",
  platform_to_charger: "charger_to_platform",
  platform_to_target: "target_to_platform",
  target_to_platform: "platform_to_target",
};

/** Exchanges of the log, of which at most so many are kept. */
export class Log {
  private readonly exchanges = new Map<number, Exchange>();
  private readonly legs = new Map<number, Leg>();
  /** Answers and copies that came before what they belong to, by its seq. */
  private readonly early = new Map<number, Said>();
  private readonly orphans = new Map<number, Leg[]>();
  /** Calls without an answer, by who said them and their id. */
  private readonly open = new Map<string, number>();
  private sorted: Exchange[] | null = null;
  private full = false;

  constructor(private readonly most: number) {}

  /** Return all, newest first. */
  rows(): Exchange[] {
    this.sorted ??= [...this.exchanges.values()].sort((one, other) => other.seq - one.seq);
    return this.sorted;
  }

  get size(): number {
    return this.exchanges.size;
  }

  /** Tell whether the oldest have been dropped: what is older is not to be added behind the hole. */
  get isFull(): boolean {
    return this.full;
  }

  /** Add what the log lists. */
  addListed({ call, answer }: Listed): void {
    this.addCall(call);
    const leg = this.legs.get(call.seq);
    if (leg && answer && !leg.answer) this.answered(leg, answer);
  }

  /** Add a frame as it was told live. */
  add(frame: Said): void {
    if (ANSWERS.has(frame.message_type)) this.addAnswer(frame);
    else this.addCall(frame);
  }

  private addCall(call: Said): void {
    if (this.legs.has(call.seq)) return;
    const leg: Leg = { call, answer: null };
    this.legs.set(call.seq, leg);
    if (call.message_type === "Call") this.open.set(asked(call, call.direction), call.seq);
    if (call.origin === null) this.begin(leg);
    else this.passOn(leg, call.origin);
    const early = this.early.get(call.seq);
    this.early.delete(call.seq);
    if (early) this.answered(leg, early);
  }

  private begin(leg: Leg): void {
    const seq = leg.call.seq;
    const passedOn = this.orphans.get(seq) ?? [];
    this.orphans.delete(seq);
    // What stood for itself so far belongs to what is passed on.
    for (const copy of passedOn) this.exchanges.delete(copy.call.seq);
    this.exchanges.set(seq, { ...leg, seq, passedOn });
    this.sorted = null;
    this.bound();
  }

  private passOn(leg: Leg, origin: number): void {
    const exchange = this.exchanges.get(origin);
    if (exchange) {
      const passedOn = [...exchange.passedOn, leg];
      passedOn.sort((one, other) => one.call.seq - other.call.seq);
      this.replace({ ...exchange, passedOn });
      return;
    }
    // Its origin may come yet; until then, and where it does not, it stands for itself.
    const orphans = [...(this.orphans.get(origin) ?? []), leg];
    this.orphans.set(
      origin,
      orphans.sort((one, other) => one.call.seq - other.call.seq),
    );
    this.exchanges.set(leg.call.seq, { ...leg, seq: leg.call.seq, passedOn: [] });
    this.sorted = null;
    this.bound();
  }

  private addAnswer(answer: Said): void {
    const seq = answer.answers ?? this.open.get(asked(answer, OPPOSITE[answer.direction]));
    if (seq === undefined) return;
    const leg = this.legs.get(seq);
    if (leg) {
      if (!leg.answer) this.answered(leg, answer);
    } else if (answer.answers !== null) {
      this.early.set(seq, answer);
      if (this.early.size > this.most) shift(this.early);
    }
  }

  private answered(leg: Leg, answer: Frame): void {
    const { call } = leg;
    leg.answer = answer;
    const key = asked(call, call.direction);
    if (this.open.get(key) === call.seq) this.open.delete(key);
    const own = this.exchanges.get(call.seq);
    if (own) this.replace({ ...own, answer });
    const exchange = call.origin === null ? undefined : this.exchanges.get(call.origin);
    if (exchange) this.replace({ ...exchange, passedOn: [...exchange.passedOn] });
  }

  // Each change makes another object, so that what is drawn knows what is new.
  private replace(exchange: Exchange): void {
    this.exchanges.set(exchange.seq, exchange);
    this.sorted = null;
  }

  private bound(): void {
    // A tenth more, as all are put in order for it.
    if (this.exchanges.size <= this.most * 1.1) return;
    this.full = true;
    for (const exchange of this.rows().slice(this.most)) this.forget(exchange);
    this.sorted = null;
  }

  private forget({ seq, call, passedOn }: Exchange): void {
    this.exchanges.delete(seq);
    for (const leg of [{ call }, ...passedOn]) {
      this.legs.delete(leg.call.seq);
      const key = asked(leg.call, leg.call.direction);
      if (this.open.get(key) === leg.call.seq) this.open.delete(key);
    }
    if (call.origin !== null) this.orphans.delete(call.origin);
  }
}

function asked(said: Said, direction: Direction): string {
  return [direction, said.charge_box_id, said.proxy_configuration_id, said.message_id].join("\n");
}

function shift<K>(map: Map<K, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
