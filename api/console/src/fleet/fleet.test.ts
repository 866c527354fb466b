import { expect, test } from "vitest";
import { filtersOf, passing } from "./filters";
import type { FleetRow } from "./row";
import { FleetStore } from "./store";
import { totals } from "./totals";

function row(charge_box_id: string, more: Partial<FleetRow> = {}): FleetRow {
  return {
    charge_box_id,
    charger_name: charge_box_id,
    site_id: null,
    vendor_name: null,
    model_name: null,
    ocpp_version: null,
    connected: true,
    last_seen: null,
    state: "available",
    connectors: [],
    power_w: null,
    running_transactions: 0,
    target: null,
    ...more,
  };
}

const TARGET = { proxy_configuration_id: 1, target_platform_identifier: "T", reason: null };
const NO_SITES = new Map<string, string>();

function store(): { fleet: FleetStore; frame: () => void; told: () => number } {
  let next: (() => void)[] = [];
  let told = 0;
  const fleet = new FleetStore((tell) => next.push(tell));
  fleet.subscribe(() => (told += 1));
  const frame = () => {
    const due = next;
    next = [];
    for (const tell of due) tell();
  };
  return { fleet, frame, told: () => told };
}

test("many changes are told once", () => {
  const { fleet, frame, told } = store();
  for (let one = 0; one < 100; one++) fleet.change([row(`CP-${one}`)], []);
  frame();
  expect(told()).toBe(1);
  expect(fleet.look().rows).toHaveLength(100);
  expect(fleet.look()).toBe(fleet.look());
});

test("what an event said while a page was on its way is newer than the page", () => {
  const { fleet, frame } = store();
  fleet.begin();
  fleet.change([row("A", { state: "charging" })], ["B"]);
  fleet.page([row("A"), row("B")]);
  fleet.end();
  frame();
  expect(fleet.look().rows.map(({ charge_box_id, state }) => [charge_box_id, state])).toEqual([
    ["A", "charging"],
  ]);
});

test("who is on no page any more is gone, and who came meanwhile is not", () => {
  const { fleet, frame } = store();
  fleet.begin();
  fleet.page([row("A"), row("B")]);
  fleet.end();
  fleet.begin();
  fleet.page([row("A")]);
  fleet.change([row("C")], []);
  fleet.end();
  frame();
  expect(fleet.look().rows.map(({ charge_box_id }) => charge_box_id)).toEqual(["A", "C"]);
});

test("filters are all held", () => {
  const rows = [
    row("CP-1", { vendor_name: "ABB", model_name: "Terra", site_id: "s1" }),
    row("CP-2", { state: "faulted", target: { ...TARGET, state: "backoff" } }),
    row("CP-3", { connected: false, state: "offline", target: { ...TARGET, state: "ready" } }),
  ];
  const ids = (query: Record<string, string>) =>
    passing(rows, filtersOf(query), new Map([["s1", "Harbour"]])).map((one) => one.charge_box_id);
  expect(ids({ search: "abb cp" })).toEqual(["CP-1"]);
  expect(ids({ search: "harbour" })).toEqual(["CP-1"]);
  expect(ids({ state: "connected" })).toEqual(["CP-1", "CP-2"]);
  expect(ids({ link: "waiting" })).toEqual(["CP-2"]);
  expect(ids({ link: "none" })).toEqual(["CP-1"]);
  expect(ids({ link: "ready", state: "faulted" })).toEqual([]);
  expect(passing(rows, filtersOf({}), NO_SITES)).toBe(rows);
});

test("totals add up; power that nobody tells is no zero", () => {
  expect(totals([row("A")]).power).toBeNull();
  const sum = totals([
    row("A", { state: "charging", power_w: 7000, running_transactions: 2 }),
    row("B", { connected: false, state: "offline", target: { ...TARGET, state: "disabled" } }),
  ]);
  expect(sum).toMatchObject({ chargers: 2, connected: 1, charging: 1, power: 7000, sessions: 2 });
  expect(sum).toMatchObject({ links: 1, linksWaiting: 0 });
});
