/** All links of the organization, asked for anew while one looks at them. */

import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { ask, own, type Problem, withQuery } from "../lib/client";
import { useSession } from "../lib/session";
import type { LinkPage, ProxyLink } from "./types";

const AT_ONCE = 1000;
const EVERY_MS = 5000;

export function useLinks(state: string) {
  const organization = useSession().organization?.organization_uuid;
  return useInfiniteQuery<
    LinkPage,
    Problem,
    InfiniteData<LinkPage>,
    readonly unknown[],
    string | null
  >({
    queryKey: [organization, "proxy_links", state],
    queryFn: ({ pageParam, signal }) =>
      ask<LinkPage>(own(withQuery("/proxy_links", { limit: AT_ONCE, state, cursor: pageParam })), {
        signal,
      }),
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
    // Each page is asked for, so that many are asked for less often.
    refetchInterval: (query) => EVERY_MS * Math.max(1, query.state.data?.pages.length ?? 1),
  });
}

/** Return the links that one looks for, by charger or target. */
export function found(links: readonly ProxyLink[], text: string): readonly ProxyLink[] {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return links;
  return links.filter((link) =>
    [link.charge_box_id, link.target_platform_identifier, link.target_websocket_url].some((one) =>
      one.toLowerCase().includes(wanted),
    ),
  );
}
