/** What a charger's page asks for, and when it is asked for anew. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import type { FleetRow } from "../fleet/row";
import { ask, own, type Problem, withQuery } from "../lib/client";
import { queries, useAt, useOwn } from "../lib/queries";
import { useSession } from "../lib/session";
import { useStream } from "../lib/stream";
import { stationPath } from "./operations";
import type { Range } from "./plot";
import { staleBy, type Topic } from "./topics";
import type { Charger, Power, Station } from "./types";

const SECONDS = 3;
const GATHERED_MS = 400;
const LIVELY = 5;

/** Return the path of a charger within its organization. */
export function ofCharger(id: string, rest = ""): string {
  return `/chargers/${encodeURIComponent(id)}${rest}`;
}

export function useStation(id: string) {
  return useAt<{ chargingStation: Station }>(stationPath(id), SECONDS);
}

export function useCharger(id: string) {
  return useOwn<{ charger: Charger }>(ofCharger(id), 10);
}

/** The charger as the fleet shows it: its state, and how its link to a target is. */
export function useRow(id: string) {
  return useOwn<{ chargers: FleetRow[] }>(withQuery("/fleet", { charge_box_id: id }), SECONDS);
}

export function usePower(id: string, range: Range) {
  const organization = useSession().organization?.organization_uuid;
  return useQuery<Power, Problem>({
    queryKey: [organization, ofCharger(id, "/power"), range],
    queryFn: ({ signal }) => {
      const since = new Date(Date.now() - range.seconds * 1000).toISOString();
      return ask(own(withQuery(ofCharger(id, "/power"), { since })), { signal });
    },
    refetchInterval: range.every * 1000,
    placeholderData: (before) => before,
  });
}

/** Follow what is said on the charger's links; what that makes stale is asked for again. */
export function useFollowed(id: string) {
  const waiting = useRef<Set<Topic>>(new Set());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const flush = () => {
    timer.current = undefined;
    const paths = [...waiting.current].map((topic) => PATHS[topic](id));
    waiting.current.clear();
    void queries.invalidateQueries({
      predicate: ({ queryKey: [, path, range] }) =>
        typeof path === "string" &&
        paths.some((one) => path.startsWith(one)) &&
        !isLong(range as Range | undefined),
    });
  };
  return useStream(own(ofCharger(id, "/messages/stream")), ({ event, data }) => {
    const topics = event === "message" ? staleBy(JSON.parse(data)) : ALL;
    for (const topic of topics) waiting.current.add(topic);
    if (waiting.current.size > 0) timer.current ??= setTimeout(flush, GATHERED_MS);
  });
}

/** Tell whether a plot is of so long a time that what is told now is hardly seen in it. */
function isLong(range: Range | undefined): boolean {
  return range !== undefined && range.every > LIVELY;
}

const PATHS: Record<Topic, (id: string) => string> = {
  station: (id) => stationPath(id),
  row: (id) => withQuery("/fleet", { charge_box_id: id }),
  power: (id) => ofCharger(id, "/power"),
  messages: (id) => ofCharger(id, "/messages"),
};
const ALL = Object.keys(PATHS) as Topic[];
