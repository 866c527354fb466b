import { expect, it, vi } from "vitest";
import type { Said } from "./frame";
import { Tail } from "./tail";

const NOW = Date.parse("2026-11-22T10:00:00.000Z");

function frame(seq: number, more: Partial<Said> = {}): Said {
  return {
    ...{ seq, timestamp: "2026-11-22T10:00:02.000Z", message_type: "Call", text: "{}" },
    ...{ error_code: null, error_description: null, raw: null, left_out: null },
    ...{ charge_box_id: "CP-1", direction: "charger_to_platform", ocpp_version: "1.6" },
    ...{ message_id: `m${seq}`, action: "Heartbeat", proxy_configuration_id: null },
    ...{ origin: null, maybe_duplicate: null, answers: null },
    ...more,
  } as Said;
}

it("what comes while it is held is counted, and shown when it goes on", () => {
  vi.useFakeTimers();
  const tail = new Tail();
  tail.hear(frame(1), NOW);
  vi.runAllTimers();
  tail.hold(true);
  tail.hear(frame(2), NOW);
  tail.hear(frame(3, { message_type: "CallResult", answers: 1 }), NOW);
  tail.hear(frame(4, { direction: "platform_to_target", origin: 2 }), NOW);
  vi.runAllTimers();
  expect(tail.snapshot()).toMatchObject({ news: 1, ahead: 2000, rows: [{ seq: 1, answer: null }] });

  tail.list([{ call: frame(0), answer: null }]);
  expect(tail.snapshot().rows.map(({ seq }) => seq)).toEqual([1, 0]);

  tail.hold(false);
  expect(tail.snapshot().rows.map(({ seq }) => seq)).toEqual([2, 1, 0]);
  expect(tail.snapshot()).toMatchObject({ news: 0, missed: 0 });
});

it("what is too much to be held is counted and said to be missed", () => {
  vi.useFakeTimers();
  const tail = new Tail(100, 10);
  tail.hold(true);
  for (let seq = 1; seq <= 12; seq += 1) tail.hear(frame(seq), NOW);
  vi.runAllTimers();
  expect(tail.snapshot().news).toBe(12);
  tail.hold(false);
  expect(tail.snapshot()).toMatchObject({ news: 0, missed: 5 });
  expect(tail.snapshot().rows).toHaveLength(7);
});

it("a burst is drawn once", () => {
  vi.useFakeTimers();
  const tail = new Tail();
  const drawn = vi.fn();
  tail.subscribe(drawn);
  for (let seq = 1; seq <= 1000; seq += 1) tail.hear(frame(seq), NOW);
  expect(drawn).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(drawn).toHaveBeenCalledTimes(1);
});
