import { describe, expect, it } from "vitest";
import type { Said } from "./frame";
import { Log } from "./pairing";

const CHARGER_SAYS: Partial<Said> = { direction: "charger_to_platform" };
const TO_TARGET: Partial<Said> = { direction: "platform_to_target", proxy_configuration_id: 7 };
const FROM_TARGET: Partial<Said> = { direction: "target_to_platform", proxy_configuration_id: 7 };
const TO_CHARGER: Partial<Said> = { direction: "platform_to_charger" };

function call(seq: number, more: Partial<Said> = {}): Said {
  return {
    seq,
    timestamp: "2026-11-22T10:00:00.000Z",
    message_type: "Call",
    text: "{}",
    error_code: null,
    error_description: null,
    raw: null,
    left_out: null,
    charge_box_id: "CP-1",
    direction: "charger_to_platform",
    ocpp_version: "1.6",
    message_id: `m${seq}`,
    action: "StatusNotification",
    proxy_configuration_id: null,
    origin: null,
    maybe_duplicate: null,
    answers: null,
    ...more,
  };
}

function answer(seq: number, answers: number | null, more: Partial<Said> = {}): Said {
  const direction = "platform_to_charger" as const;
  return call(seq, { message_type: "CallResult", direction, answers, ...more });
}

// A charger's message with both of its legs.
const PROXIED = [
  call(1, CHARGER_SAYS),
  answer(2, 1, TO_CHARGER),
  call(3, { ...TO_TARGET, origin: 1 }),
  answer(4, 3, FROM_TARGET),
];
// A target's command with both of its legs.
const COMMANDED = [
  call(10, FROM_TARGET),
  call(11, { ...TO_CHARGER, origin: 10 }),
  answer(12, 11, CHARGER_SAYS),
  answer(13, 10, TO_TARGET),
];

function logOf(frames: readonly Said[], most = 100): Log {
  const log = new Log(most);
  for (const frame of frames) log.add(frame);
  return log;
}

/** What a log shows, by positions: call, answer, and those of what was passed on. */
function shown(log: Log): unknown[] {
  return log
    .rows()
    .map(({ seq, answer, passedOn }) => [
      seq,
      answer?.seq ?? null,
      ...passedOn.map((leg) => [leg.call.seq, leg.answer?.seq ?? null]),
    ]);
}

function orders<T>(of: readonly T[]): T[][] {
  if (of.length < 2) return [[...of]];
  return of.flatMap((one, place) =>
    orders(of.filter((_, other) => other !== place)).map((rest) => [one, ...rest]),
  );
}

describe("both legs of the proxy are one row", () => {
  it.each([
    ["a charger's message", PROXIED, [1, 2, [3, 4]]],
    ["a target's command", COMMANDED, [10, 13, [11, 12]]],
  ])("%s, in whatever order its frames come", (_, frames, row) => {
    for (const order of orders(frames)) expect(shown(logOf(order))).toEqual([row]);
  });

  it("and several attempts are all there, oldest first", () => {
    const again = call(5, { ...TO_TARGET, origin: 1, maybe_duplicate: true });
    const log = logOf([again, ...PROXIED, answer(6, 5, FROM_TARGET)]);
    expect(shown(log)).toEqual([[1, 2, [3, 4], [5, 6]]]);
  });

  it("what comes twice, live and from the log, is there once", () => {
    for (const again of PROXIED)
      expect(shown(logOf([...PROXIED, again]))).toEqual([[1, 2, [3, 4]]]);
    const log = logOf([...PROXIED, ...PROXIED]);
    const [first, second, third, fourth] = PROXIED as [Said, Said, Said, Said];
    log.addListed({ call: first, answer: second });
    log.addListed({ call: third, answer: fourth });
    expect(shown(log)).toEqual([[1, 2, [3, 4]]]);
  });

  it("a copy whose origin is not there stands for itself until it comes", () => {
    const copies = PROXIED.slice(2);
    const log = logOf(copies);
    expect(shown(log)).toEqual([[3, 4]]);
    log.addListed({ call: PROXIED[0] as Said, answer: PROXIED[1] as Said });
    expect(shown(log)).toEqual([[1, 2, [3, 4]]]);
  });
});

describe("an answer finds its call", () => {
  it("by the id on its own link, where the server does not know", () => {
    const same = { message_id: "1" };
    const log = logOf([
      call(1, { ...same, charge_box_id: "CP-2" }),
      call(2, same),
      call(3, { ...same, ...TO_CHARGER }),
      answer(4, null, same),
    ]);
    expect(shown(log)).toEqual([
      [3, null],
      [2, 4],
      [1, null],
    ]);
  });

  it("and one that nobody asked for makes no row", () => {
    expect(shown(logOf([answer(1, null), answer(3, 2)]))).toEqual([]);
  });

  it("and only the first one counts", () => {
    expect(shown(logOf([call(1), answer(2, 1), answer(3, 1)]))).toEqual([[1, 2]]);
  });
});

it("what has changed is another object, and nothing else is", () => {
  const log = logOf([call(1), call(2)]);
  const [second, first] = log.rows();
  log.add(answer(3, 2));
  const [changed, same] = log.rows();
  expect(changed).not.toBe(second);
  expect(same).toBe(first);
});

it("the oldest are dropped, with all that is known of them", () => {
  expect(logOf([call(1)], 10).isFull).toBe(false);
  const frames = Array.from({ length: 100 }, (_, place) => call(place + 1));
  const log = logOf(frames, 10);
  expect(log.size).toBeLessThanOrEqual(11);
  expect(log.isFull).toBe(true);
  expect(log.rows()[0]?.seq).toBe(100);
  log.add(answer(101, 1));
  expect(shown(log)[0]).toEqual([100, null]);
});
