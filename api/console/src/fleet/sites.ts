/** The names of the organization's sites. */

import { useMemo } from "react";
import { own } from "../lib/client";
import { useAll } from "../lib/whole";

interface Sites {
  sites: { site_id: string; name: string }[];
}

/** Return them by site_id; empty as long as they are not known. */
export function useSiteNames(): ReadonlyMap<string, string> {
  const { data } = useAll<Sites>(own("/sites"), "sites", 60);
  return useMemo(
    () => new Map((data?.sites ?? []).map(({ site_id, name }) => [site_id, name])),
    [data],
  );
}
