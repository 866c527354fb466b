/** What is asked for is kept here, refreshed, and asked for again where that may help. */

import { QueryClient, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { ask, own, Problem } from "./client";
import { onReturn } from "./connection";
import { onLeave, useSession } from "./session";

const AGAIN_MS = 3000;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: "always",
      staleTime: 2000,
      // What failed is said at once, and tried again while it is looked at.
      retry: false,
      refetchInterval: (query) => again(query.state.error),
    },
    mutations: { networkMode: "always", retry: false },
  },
});

/** Return when to ask again, in ms: soon after what passes by itself, else every `seconds` if given. */
export function againIn(fault: Error | null, seconds?: number): number | false {
  return again(fault) || (seconds ? seconds * 1000 : false);
}

function again(fault: Error | null): number | false {
  return fault instanceof Problem && fault.passes ? AGAIN_MS : false;
}

onLeave(() => queries.clear());
onReturn(() => void queries.invalidateQueries());

/** Ask for something of the chosen organization, anew every `seconds` if they are given. */
export function useOwn<T>(path: string, seconds?: number): UseQueryResult<T, Problem> {
  const organization = useSession().organization?.organization_uuid;
  return useQuery<T, Problem>({
    queryKey: [organization, path],
    queryFn: ({ signal }) => ask<T>(own(path), { signal }),
    refetchInterval: (query) => againIn(query.state.error, seconds),
  });
}

/** Ask for what is at a path of its own, `/api/chargingStations/…` for one. */
export function useAt<T>(path: string, seconds?: number): UseQueryResult<T, Problem> {
  const organization = useSession().organization?.organization_uuid;
  return useQuery<T, Problem>({
    queryKey: [organization, path],
    queryFn: ({ signal }) => ask<T>(path, { signal }),
    refetchInterval: (query) => againIn(query.state.error, seconds),
  });
}
