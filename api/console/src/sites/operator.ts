/** What is asked about connections: below the operator, who is the organization. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import type { Problem } from "../lib/client";
import { againIn } from "../lib/queries";
import { currentSession, useSession } from "../lib/session";
import { askAll } from "../lib/whole";
import type { SiteConnections } from "./types";

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
    queryFn: ({ signal }) =>
      askAll<SiteConnections>(operator(`/connections/sites/${id}`), "results", signal),
    refetchInterval: ({ state }) =>
      againIn(state.error, isMoving(state.data) ? RUNNING_S : RESTING_S),
  });
}

const ON_THE_WAY = new Set<string | null>(["dialing", "booting"]);

/** Tell of what will be otherwise in a moment: a rollout, or a link that is just being made. */
function isMoving(told: SiteConnections | undefined): boolean {
  return (
    told?.rollout?.state === "running" ||
    (told?.results ?? []).some(({ linkState }) => ON_THE_WAY.has(linkState))
  );
}
