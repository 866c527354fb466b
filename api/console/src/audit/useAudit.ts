/** Pages of the audit, newest first. */

import { type InfiniteData, useInfiniteQuery } from "@tanstack/react-query";
import { findNodeAtLocation, parseTree } from "jsonc-parser";
import { askText, own, type Problem, withQuery } from "../lib/client";
import { againIn } from "../lib/queries";
import { useSession } from "../lib/session";
import type { AuditPage, Entry, View } from "./types";

const AT_ONCE = 100;

const PLACES: Record<View, { path: string; rows: string }> = {
  audit: { path: "/audit", rows: "entries" },
  security: { path: "/security_events", rows: "security_events" },
};

export function useAudit(view: View, query: Record<string, string | undefined>) {
  const organization = useSession().organization?.organization_uuid;
  return useInfiniteQuery<
    AuditPage,
    Problem,
    InfiniteData<AuditPage>,
    readonly unknown[],
    string | null
  >({
    queryKey: [organization, view, query],
    queryFn: async ({ pageParam, signal }) => {
      const { path } = PLACES[view];
      const asked = own(withQuery(path, { ...query, limit: AT_ONCE, cursor: pageParam }));
      return readPage(view, await askText(asked, { signal }));
    },
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: ({ state }) => againIn(state.error),
  });
}

interface Told extends Omit<Entry, "details"> {
  kind?: string;
}

/** Read a page; details are kept as the text that they are. */
export function readPage(view: View, text: string): AuditPage {
  const told = JSON.parse(text) as Record<string, unknown>;
  const { rows } = PLACES[view];
  const tree = parseTree(text);
  const nodes = (tree && findNodeAtLocation(tree, [rows])?.children) ?? [];
  const entries = (told[rows] as Told[]).map((row, place) => {
    const node = nodes[place] && findNodeAtLocation(nodes[place], ["details"]);
    return {
      ...row,
      action: row.kind ?? row.action,
      object: row.object ?? null,
      request_id: row.request_id ?? null,
      place: row.place ?? null,
      details: node ? text.slice(node.offset, node.offset + node.length) : "{}",
    };
  });
  return { entries, next_cursor: told.next_cursor as string | null };
}
