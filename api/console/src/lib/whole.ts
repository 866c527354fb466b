/** Read lists that the API tells by pages as a whole: nothing is missing without a word. */

import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { ask, type Problem, withQuery } from "./client";
import { againIn } from "./queries";
import { useSession } from "./session";

const AT_ONCE = 1000;

interface Paged {
  next_cursor?: string | null;
  nextCursor?: string | null;
}

/** Return the last page, with all that the pages have under the name of the list. */
export async function askAll<T extends object>(
  path: string,
  list: keyof T & string,
  signal: AbortSignal | null = null,
): Promise<T> {
  const found: unknown[] = [];
  let cursor: string | null = null;
  for (;;) {
    const asked: string = withQuery(path, { limit: AT_ONCE, cursor });
    const page: T & Paged = await ask<T & Paged>(asked, signal ? { signal } : {});
    found.push(...(page[list] as unknown[]));
    cursor = page.next_cursor ?? page.nextCursor ?? null;
    if (cursor === null) return { ...page, [list]: found };
  }
}

/** Ask for a whole list, anew every `seconds` if they are given. */
export function useAll<T extends object>(
  path: string,
  list: keyof T & string,
  seconds?: number,
): UseQueryResult<T, Problem> {
  const organization = useSession().organization?.organization_uuid;
  return useQuery<T, Problem>({
    queryKey: [organization, path, list],
    queryFn: ({ signal }) => askAll<T>(path, list, signal),
    refetchInterval: (query) => againIn(query.state.error, seconds),
  });
}
