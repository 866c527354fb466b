/** What is asked about connections: below the operator, who is the organization. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { ask, type Problem, withQuery } from "../lib/client";
import { againIn } from "../lib/queries";
import { currentSession, useSession } from "../lib/session";
import type { ChargerConnection, SiteConnections } from "./types";

const RUNNING_S = 1;
const RESTING_S = 10;

export function operator(path: string): string {
  const organization = currentSession().organization?.organization_uuid;
  return `/local-ocpp/v1/operators/${organization}${path}`;
}

/** Ask for all chargers of a site, and follow closely what is being rolled out. */
export function useSiteConnections(id: string): UseQueryResult<SiteConnections, Problem> {
  const organization = useSession().organization?.organization_uuid;
  return useQuery<SiteConnections, Problem>({
    queryKey: [organization, "connections", id],
    queryFn: ({ signal }) => allOf(id, signal),
    refetchInterval: ({ state }) =>
      againIn(state.error, state.data?.rollout?.state === "running" ? RUNNING_S : RESTING_S),
  });
}

async function allOf(id: string, signal: AbortSignal): Promise<SiteConnections> {
  const results: ChargerConnection[] = [];
  let cursor: string | null = null;
  for (;;) {
    const path: string = withQuery(operator(`/connections/sites/${id}`), { limit: 1000, cursor });
    const page: SiteConnections = await ask<SiteConnections>(path, { signal });
    results.push(...page.results);
    cursor = page.nextCursor;
    if (cursor === null) return { ...page, results };
  }
}
